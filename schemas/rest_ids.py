"""How Canvas' REST API writes ids: integers, strings, `2107~79` for an id of another shard. Events: see `schemas.base`."""

import re
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from schemas.base import SHARD, Reason, _Id

_ACROSS_SHARDS = re.compile(r"([1-9][0-9]{0,5})~([1-9][0-9]{0,12})", re.ASCII)
_USER = "^(0*[1-9][0-9]{0,18}|uuid:.{1,255})$"


def whole_id(value: Any) -> Any:
    """`2107~79` as the global id 21070000000000079; anything else as it is."""
    if isinstance(value, str) and (found := _ACROSS_SHARDS.fullmatch(value)):
        return int(found[1]) * SHARD + int(found[2])
    return value


class _RestId(_Id):
    """An id of a body: an integer, or with `Accept: application/json+canvas-string-ids` a string."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(whole_id, super().__get_pydantic_core_schema__(source, handler))


class _LinkId(_RestId):
    """An id inside `links`: always a string."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(
            lambda value: value,
            super().__get_pydantic_core_schema__(source, handler),
            serialization=core_schema.to_string_ser_schema(when_used="json"),
        )


class _UserRef:
    """A user inside `links`: digits in a string, or `uuid:...` from a server that knows no id. An integer becomes digits."""

    @staticmethod
    def _text(value: Any) -> Any:
        value = whole_id(value)
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(
            cls._text,
            core_schema.custom_error_schema(
                core_schema.str_schema(strict=True, pattern=_USER),
                custom_error_type=Reason.BAD_ID.value,
                custom_error_message="a user is an id, or uuid: and its uuid",
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "pattern": _USER}


Id = Annotated[int, _RestId]
LinkId = Annotated[int, _LinkId]
UserRef = Annotated[str, _UserRef]
