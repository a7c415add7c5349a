"""The token for Kafka, from an endpoint of somebody else's making."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from consumer.environment import load
from consumer.errors import Fatal, OutcomesError, Transient
from consumer.sources.kafka_oauth import ClientCredentials


async def _asked(answer: web.Response) -> str:
    """What a token endpoint with this answer comes to."""

    async def handle(_: web.Request) -> web.Response:
        return answer

    app = web.Application()
    app.router.add_post("/token", handle)
    async with TestServer(app) as server:
        return await ClientCredentials(load(kafka_oauth_token_url=str(server.make_url("/token")))).token()


async def test_a_token_is_what_the_endpoint_answers() -> None:
    """Also where it does not say for how long."""
    assert await _asked(web.json_response({"access_token": "abc"})) == "abc"


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (web.json_response({"token": "abc"}), Fatal, "holds no token"),
        (web.json_response(["abc"]), Fatal, "holds no token"),
        (web.json_response({"access_token": "abc", "expires_in": "soon"}), Fatal, "holds no token"),
        (web.Response(text="{", content_type="application/json"), Fatal, "holds no token"),
        (web.Response(text="<html>sign in</html>", content_type="text/html"), Fatal, "holds no token"),
        (web.Response(status=401), Fatal, "refuses the client"),
        (web.Response(status=503), Transient, "does not answer"),
    ],
)
async def test_an_answer_without_a_token_is_an_error_with_a_sentence(
    answer: web.Response, kind: type[OutcomesError], told: str
) -> None:
    """An outage is waited for; what comes again at each attempt is not."""
    with pytest.raises(kind, match=told):
        await _asked(answer)
