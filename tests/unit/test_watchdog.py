"""When the worker says that Kafka is silent, and when it gives its client up. No clock, no loop, no broker."""

from consumer.ingest.batch import Partition
from consumer.worker.watchdog import LONGEST_PATIENCE, Seen, Verdict, Watchdog

ONE, TWO = Partition("topic", 0), Partition("topic", 1)
LIMIT, SILENCE = 60.0, 7.0
JUST_OVER = LIMIT + 1


def watchdog() -> Watchdog:
    """With the stock times."""
    return Watchdog(LIMIT, SILENCE)


def seen(*looks: tuple[float, int, int | None], reading: bool = True) -> Seen:
    """What these looks (time, position of the client, end of the partition) leave known."""
    it = Seen()
    for now, position, end in looks:
        it.look(position, end, now, now, reading=reading)
    return it


def test_a_partition_that_has_more_and_delivers_nothing_is_stuck_after_the_watchdogs_time() -> None:
    """And not before."""
    it = {ONE: seen((0, 5, 9), (LIMIT, 5, 9))}
    assert watchdog().judge(it, LIMIT, LIMIT) == Verdict()
    assert watchdog().judge(it, LIMIT, JUST_OVER) == Verdict({ONE: 5})


def test_a_partition_that_delivers_something_or_has_nothing_more_is_not_stuck() -> None:
    """However long it takes until its end."""
    for looks in (
        ((0, 5, 9), (JUST_OVER, 6, 9)),  # it moves
        ((0, 9, 9), (JUST_OVER, 9, 9)),  # it is at its end
        ((0, 12, 9), (JUST_OVER, 12, 9)),  # behind the markers of transactions
        ((0, 5, None), (JUST_OVER, 5, None)),  # Kafka does not say that there is more
    ):
        assert not watchdog().judge({ONE: seen(*looks)}, JUST_OVER, JUST_OVER).stuck


def test_a_partition_that_cannot_begin_is_not_stuck() -> None:
    """It is not read: it has no leader."""
    it = seen((0, 0, 9), (JUST_OVER, 0, 9), reading=False)
    assert not watchdog().judge({ONE: it}, JUST_OVER, JUST_OVER).stuck


def test_while_the_client_is_not_polled_no_partition_becomes_stuck() -> None:
    """Postgres may be busy for long: the polling clock stands still then."""
    it = Seen()
    it.look(5, 9, 0.0, 0.0, reading=True)
    it.look(5, 9, 10 * LIMIT, LIMIT, reading=True)
    assert watchdog().judge({ONE: it}, 10 * LIMIT, LIMIT) == Verdict()


def test_one_stuck_partition_is_found_beside_one_that_delivers() -> None:
    """It is the client's fault, not the broker's."""
    both = {ONE: seen((0, 5, 9), (JUST_OVER, 5, 9)), TWO: seen((0, 5, 9), (JUST_OVER, 7, 9))}
    assert watchdog().judge(both, JUST_OVER, JUST_OVER) == Verdict({ONE: 5})


def test_where_a_new_client_has_not_helped_the_next_one_has_twice_the_time() -> None:
    """What is left may hold nothing for us. An hour at most; elsewhere the limit is as before."""
    dog, stuck = watchdog(), {ONE: seen((0, 5, 9))}

    def patience_is(seconds: float) -> bool:
        return not dog.judge(stuck, 0, seconds).stuck and bool(dog.judge(stuck, 0, seconds + 1).stuck)

    for seconds in (LIMIT, LIMIT, 2 * LIMIT, 4 * LIMIT):
        assert patience_is(seconds)
        dog.replaced({ONE: 5})
    for _ in range(10):
        dog.replaced({ONE: 5})
    assert patience_is(LONGEST_PATIENCE)
    assert dog.judge({ONE: seen((0, 6, 9))}, 0, JUST_OVER).stuck
    assert dog.judge({TWO: seen((0, 5, 9))}, 0, JUST_OVER).stuck


def test_once_another_partition_is_stuck_patience_is_the_limit_again() -> None:
    """That one has not been tried."""
    dog = watchdog()
    dog.replaced({ONE: 5})
    dog.replaced({ONE: 5})
    dog.replaced({TWO: 3})
    assert dog.judge({TWO: seen((0, 3, 9))}, 0, JUST_OVER).stuck


def test_kafka_is_given_up_only_when_it_answers_about_no_partition() -> None:
    """A leader that is away is no reason for a new client."""
    heard, silent = seen((JUST_OVER, 9, 9)), seen((0, 9, 9))
    assert not watchdog().judge({ONE: heard, TWO: silent}, JUST_OVER, JUST_OVER).all_unreachable
    assert watchdog().judge({TWO: silent}, JUST_OVER, JUST_OVER).all_unreachable


def test_an_answered_fetch_is_a_sign_of_life_and_an_old_one_is_none() -> None:
    """Whatever it brought."""
    it = seen((0, 9, 9))
    it.fetched(1000, 5)
    assert it.heard == 5
    it.fetched(1000, 8)
    assert it.heard == 5


def test_a_silence_is_told_long_before_the_client_is_given_up() -> None:
    """Of those partitions about which nothing was heard; never later than the watchdog's own time."""
    both = {ONE: seen((0, 9, 9)), TWO: seen((5, 9, 9))}
    assert watchdog().unreachable(both, SILENCE) == frozenset()
    assert watchdog().unreachable(both, SILENCE + 1) == {ONE}
    assert watchdog().unreachable(both, SILENCE + 6) == {ONE, TWO}
    assert Watchdog(2, SILENCE).unreachable(both, 3) == {ONE}
