"""`python -m tests.fuzz [SECONDS] [TARGET …]`: looks for bytes that break a law, guided by coverage (`make fuzz`).

Each target is a process of its own, `python -m tests.fuzz TARGET FOLDER LIBFUZZER-OPTIONS…`. What breaks a law is left in
`tests/fuzz/found/`, where the unit tests find it.
"""

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import atheris

from consumer.engines import reaper

with atheris.instrument_imports(include=["consumer.ingest", "consumer.printable", "schemas"]):
    from tests.fuzz.laws import LAWS
from tests.fuzz.common_events import changed
from tests.fuzz.seeds import LARGEST, seeds, words
from tests.unit.test_hostile import FOUND, SCALARS, WRAPPERS

SLOWEST_SECONDS = 5
"""For one input of a few thousand bytes, instrumented, in three dialects: far more than any needs."""
MOST_MEGABYTES = 1024
DEFAULT_SECONDS = 60
MOST_SECONDS = 24 * 60 * 60


def mutated(data: bytes, max_size: int, seed: int) -> bytes:
    """Mostly a change that keeps it JSON: another value, a member more or less, another dialect. Else any change."""
    chance = random.Random(seed)
    try:
        value = json.loads(data) if chance.random() < 0.6 else None
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, (dict, list)):
        for _ in range(chance.randint(1, 3)):
            _change(value, chance)
        text = json.dumps(value)
        if chance.random() < 0.2:
            text = chance.choice(list(WRAPPERS.values()))(text)
        if len(text) <= max_size:
            return text.encode()
    return bytes(atheris.Mutate(data, max_size))


def changed_or_mutated(data: bytes, max_size: int, seed: int) -> bytes:
    """For the common shape: mostly an event of it with a few changes."""
    return changed(seed)[:max_size] if seed % 4 else mutated(data, max_size, seed)


def _change(value: Any, chance: random.Random) -> None:
    inner = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    if not inner:
        return
    name, part = chance.choice(inner)
    if isinstance(part, (dict, list)) and chance.random() < 0.8:
        _change(part, chance)
        return
    match chance.randrange(5):
        case 0 if isinstance(value, dict):
            del value[name]
        case 1 if isinstance(value, dict):
            value[f"{name}_id"] = part
        case 2:
            value[name] = [part, part]
        case 3 if isinstance(part, str):
            value[name] = part + part
        case _:
            value[name] = chance.choice(SCALARS)


def fuzz(target: str, arguments: list[str]) -> None:
    """One target in this process. libFuzzer ends the process."""
    law = LAWS[target]

    def test_one_input(data: bytes) -> None:
        law(data)

    mutators = {"decode": {"custom_mutator": mutated}, "common": {"custom_mutator": changed_or_mutated}}
    atheris.Setup([sys.argv[0], *arguments], test_one_input, **mutators.get(target, {}))
    atheris.Fuzz()


def run(seconds: int, targets: Iterable[str]) -> int:
    """The targets, one after the other; 1 where a law was broken."""
    code = 0
    reaper.mark_all_children()
    for target in targets:
        with reaper.temporary_folder(f"outcomes-fuzz-{target}-") as folder:
            corpus = folder / "corpus"
            corpus.mkdir()
            for seed in seeds(target):
                (corpus / blake2b(seed, digest_size=16).hexdigest()).write_bytes(seed)
            lines = ('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in words())
            (folder / "words").write_text("".join(lines), encoding="ascii")
            options = (
                f"-max_total_time={seconds}",
                f"-timeout={SLOWEST_SECONDS}",
                f"-rss_limit_mb={MOST_MEGABYTES}",
                f"-dict={folder / 'words'}",
                f"-artifact_prefix={FOUND}/{target}-",
                f"-max_len={2 * LARGEST[target]}",
                "-print_final_stats=1",
                "-verbosity=1",
            )
            print(f"-- {target}: {seconds} s, {len(list(corpus.iterdir()))} seeds", flush=True)
            code |= subprocess.run([sys.executable, "-m", "tests.fuzz", target, str(corpus), *options], check=False).returncode
    print("found something: see tests/fuzz/found/" if code else "no law was broken", flush=True)
    return min(code, 1)


def _seconds(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= MOST_SECONDS:  # to libFuzzer, 0 is without end
        raise argparse.ArgumentTypeError(f"seconds are a number from 1 to {MOST_SECONDS:,}: {text!r}")
    return int(text)


def _target(text: str) -> str:
    if text not in LAWS:
        raise argparse.ArgumentTypeError(f"no target {text!r}; there are {', '.join(LAWS)}")
    return text


def main() -> None:
    """Exit code 1 where a law was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "seconds",
        metavar="SECONDS",
        nargs="?",
        type=_seconds,
        default=DEFAULT_SECONDS,
        help=f"for each target ({DEFAULT_SECONDS})",
    )
    parser.add_argument("targets", metavar="TARGET", nargs="*", type=_target, help=f"{', '.join(LAWS)}; all unless told")
    words = sys.argv[1:]
    options = parser.parse_args([str(DEFAULT_SECONDS), *words] if words and words[0] in LAWS else words)
    sys.exit(run(options.seconds, dict.fromkeys(options.targets) or LAWS))


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] in LAWS and Path(sys.argv[2]).exists():
        fuzz(sys.argv[1], sys.argv[2:])
    else:
        main()
