"""What `python -m tests.mutation` switches off, and which tests must notice."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_WRITER = "consumer/store/writer.py"
_STORE = "consumer/store/store.py"
_BATCH = "consumer/ingest/batch.py"
_WORKER = "consumer/worker/worker.py"
_PARTITIONS = "consumer/worker/partitions.py"
_WATCHDOG = "consumer/worker/watchdog.py"
_UNTIL_END = "consumer/worker/until_end.py"
_MEMBERSHIP = "consumer/sources/membership.py"
_RETENTION = "consumer/store/retention.py"
_SQL = "consumer/store/sql"
_COMPARE = "consumer/canvas/compare.py"
_ROSTER_SURVEY = "consumer/canvas/roster_survey.py"
_ROSTERS = "tests/canvas/test_rosters.py"
_TCP = "consumer/engines/tcp.py"
_ATTACKS = "tests/serve/test_attacks.py"
_PAGES = "consumer/serve/pages"
_PAGE_TESTS = "tests/serve/test_pages.py"
_RIGHTS = "tests/serve/test_rights.py"
_SIGN_IN = "tests/serve/test_sign_in.py"
_OIDC = "consumer/serve/access/oidc.py"
_LOOKS = "tests/serve/test_access_log.py"
_MATRIX = "test_nobody_sees_more_than_theirs_nor_less"
_STEP = "migrations/versions/0001_projection.objects.sql"
_ORDERED = "migrations/versions/0003_index_order.before.sql"
_FUNCTIONS = "migrations/functions"
_SCORE = f"{_FUNCTIONS}/rollup_score.sql"

_WRITING = "tests/postgres/test_writer.py"
_LAW = "tests/postgres/test_law.py"
_GUARDS = "tests/postgres/test_guards.py"
_RETIRING = "tests/postgres/test_retention.py"
_ROSTER_RULES = "tests/postgres/test_roster_rules.py"
_IDENTITY_RULES = "tests/postgres/test_identity_rules.py"
_STOPPING = "tests/faults/test_guards.py"
_TOPIC = "tests/acceptance/test_worker.py"
_VIEWER = "tests/acceptance/test_postgres_command.py"
_STARTING = "tests/acceptance/test_starting.py"
_GROUP = "tests/faults/test_group.py"
_OUTAGES = "tests/faults/test_outages.py"
_SERVERS = "tests/faults/test_servers.py"
_SETTINGS = "tests/unit/test_settings.py"
_HOSTILE = "tests/unit/test_hostile.py"
_BOUNDS = "tests/postgres/test_bounds.py"
_UNKNOWN = "tests/postgres/test_unknown_values.py"
_LEFTOVERS = "tests/acceptance/test_leftovers.py"
_PROCESSES = "consumer/worker/processes.py"
_FAMILY = "tests/unit/test_processes.py"
_KILLED = "tests/faults/test_processes.py"
_DECODE = "consumer/ingest/decode.py"
_SHAPE = "consumer/ingest/common_shape.py"
_NAMES = "tests/postgres/test_person_names.py"
_NAMES_DECODED = "tests/unit/test_person_names.py"
_PERSONAL = "tests/acceptance/test_personal_data.py"
_ANY_ORDER = "test_of_two_names_the_same_is_held_in_whatever_order_and_batches"
_LEASE = "tests/unit/test_lease.py"
_WATCHED = "tests/unit/test_watchdog.py"
_CALLED = "tests/postgres/test_people.py"
_PEOPLE = "tests/postgres/test_gradebook_people.py"
_GATES = "consumer/intake/gates.py"
_KEYS = "consumer/intake/keys.py"
_HTTPS = "consumer/intake/https.py"
_KEEPING = "consumer/intake/keeping.py"
_SPOOL = "consumer/intake/spool.py"
_ARCHIVE = "consumer/sources/archive.py"
_STORAGE = "consumer/sources/storage.py"
_OBJECTS = "consumer/sources/stored_objects.py"
_CAPTURED = "tests/acceptance/test_capture.py"
_STORED = "tests/unit/test_stored_objects.py"
_RECEIVING = "consumer/intake/receiving.py"
_RECEIVED = "tests/intake/test_receiving.py"
_DELIVERED = "tests/intake/test_https.py"
_KEPT = "tests/intake/test_keeping.py"
_OUTLETS = "tests/intake/test_outlets.py"
_RHYTHM = "consumer/query/rhythm.py"
_SUMMARIES = "tests/postgres/test_summaries.py"
_MARKS = f"{_FUNCTIONS}/mark_summaries.sql"
_STALE = f"{_FUNCTIONS}/stale_courses.sql"
_SOURCES = f"{_FUNCTIONS}/summary_sources.sql"
_REFRESH = f"{_FUNCTIONS}/refresh_summaries.sql"
_REPORTS = "tests/postgres/test_reports.py"
_DOCTOR = "tests/doctor/test_doctor.py"
_FEED = "tests/doctor/test_feed.py"
_SUPPRESSIONS = "consumer/store/suppressions.py"
_ERASURE = "consumer/store/erasure.py"
_KEYS_OF_PEOPLE = "consumer/ingest/person_keys.py"
_ERASED = "tests/postgres/test_erasure.py"
_ERASED_COMMAND = "tests/acceptance/test_erase_command.py"


class StaleMutant(Exception):
    """The code has changed, so that a mutant no longer says what to switch off."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A guard taken away: in `file`, `old` becomes `new`."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    """Tests (`file::name`, a file or a folder) of which at least one must fail by an assertion."""

    def text(self, root: Path) -> str:
        """The file's text without the guard. Raises `StaleMutant` where `old` is not there exactly once."""
        text = (root / self.file).read_text(encoding="utf-8")
        times = text.count(self.old)
        if times != 1:
            raise StaleMutant(
                f"mutant `{self.name}`: its text is {times} times in {self.file}, not once; "
                "bring tests/mutation/mutants.py up to date"
            )
        return text.replace(self.old, self.new)


def _tests(file: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{file}::{name}" for name in names)


_COMMON = _tests(
    "tests/unit/test_common_shape.py",
    "test_the_common_shape_is_read_in_one_step",
    "test_anything_unusual_is_left_to_the_way_for_any_shape",
)
_COMMON_PEOPLE = _tests("tests/unit/test_common_shape.py", "test_the_setting_about_people_holds_for_the_common_shape")
_FORGED = _tests(_DELIVERED, "test_forged_tokens_are_refused")
_NO_NAME = _tests(_PERSONAL, "test_with_ids_no_name_is_anywhere")
_RUBYS = _tests("tests/postgres/test_golden.py", "test_every_kept_number_of_ruby_is_computed_in_every_place")
_ROUNDED = _tests("tests/postgres/test_mastery.py", "test_scores_are_rounded_as_ruby_rounds_doubles")
_ZOMBIE = _tests(_WRITING, "test_a_position_that_somebody_else_moved_rolls_everything_back")
_EACH_EVENT = _tests(_WRITING, "test_each_event_ends_as_exactly_one_thing")
_LOST_ONE = _tests(_GUARDS, "test_a_batch_that_has_lost_one_of_its_partitions_writes_nothing_of_the_others")
_ONE_WINS = _tests(_GUARDS, "test_of_two_writers_at_one_position_at_the_same_moment_one_wins")
_FENCED = _tests(_GUARDS, "test_a_position_is_moved_by_nobody_who_does_not_know_it")
_ORDER = _tests(_GUARDS, "test_each_part_of_the_order_decides_where_those_before_it_tie")
_DEADLOCK = _tests(_GUARDS, "test_two_writers_that_meet_in_opposite_order_wait_and_never_deadlock")
_KNOWN = _tests(_GUARDS, "test_two_versions_of_one_moment_that_differ_in_their_body_alone_are_two")
_SORTED = _tests(_GUARDS, "test_a_sorted_batch_holds_each_version_once_in_key_order_and_marks_the_newest_of_each_object")
_REFUSED = _tests(_WRITING, "test_a_row_that_the_database_refuses_goes_to_quarantine_alone")
_SIGTERM = _tests(_STOPPING, "test_sigterm_writes_all_that_was_read")
_REORDERED = _tests("tests/faults/test_online_migration.py", "test_indexes_of_results_change_their_order_beside_who_writes")
_NEVER_SEEN = _tests(_ERASED, "test_erased_means_never_seen")
_MORE_TOLD = _tests(_ERASED, "test_what_an_event_tells_more_of_an_erased_person_is_theirs_too")
_SLIPS = _tests(
    _ERASED,
    "test_no_event_slips_in_between_an_erasure_and_a_writer",
    "test_a_writer_at_work_is_waited_for",
)
_UNAWARE = _tests(_ERASED, "test_a_program_that_knows_of_no_erasure_writes_until_somebody_is_erased")
_NOT_BY_REST = _tests(_ERASED, "test_rest_brings_nobody_back")
_BESIDE = _tests(_ERASED, "test_what_else_an_event_says_of_an_erased_person_is_not_kept")
_NOTHING_LEFT = _tests(_ERASED_COMMAND, "test_after_an_erasure_nothing_tells_of_the_person")
_EVERY_PLACE = _tests(_ERASED, "test_every_place_is_searched")
_DRY_RUN = _tests(_ERASED, "test_a_dry_run_tells_every_place_and_changes_nothing")
_OLDER_STATE = _tests(_ERASED, "test_an_older_state_of_somebody_else_becomes_current")
_MERGED = _tests(_ERASED, "test_merged_users_are_erased_together_or_not_at_all")
_RESTORED_FROM_LIST = _tests(_ERASED, "test_a_restored_database_is_brought_in_line_from_the_list")
_VERIFIED = _tests(_ERASED, "test_verify_finds_an_erased_person_who_is_there_again")
_RETAINED = _tests(_RETIRING, "test_every_moment_from_the_cutoff_on_answers_as_before")
_RESTORED = _tests(_RETIRING, "test_a_result_restored_after_the_cutoff_is_told_from_a_new_one")
_EACH_KIND = _tests(_SUMMARIES, "test_a_kept_summary_is_what_is_computed_after_each_kind_of_change")
_ONE_MOMENT = _tests(_SUMMARIES, "test_summaries_are_brought_up_to_date_in_one_moment_alone")
_REVOKED = _tests(_STOPPING, "test_partitions_are_given_up_only_when_what_is_being_written_is_written")

_NEWER = """\
     WHERE (excluded.event_time, excluded.event_name, coalesce(excluded.updated_at, '-infinity'), excluded.version_hash)
         > (current.event_time, current.event_name, coalesce(current.updated_at, '-infinity'), current.version_hash)
"""

MUTANTS = (
    # -- the compare-and-set of the position --
    Mutant(
        "a position moves from anywhere",
        f"{_SQL}/move_positions.sql",
        "\n   AND position.next_position = move.old",
        "",
        (*_ZOMBIE, *_ONE_WINS, *_LOST_ONE),
    ),
    Mutant(
        "a position that did not move is not noticed",
        _WRITER,
        'if advanced != f"UPDATE {len(rows)}":',
        "if False:",
        (*_ZOMBIE, *_tests(_WRITING, "test_a_position_never_read_belongs_to_nobody"), *_ONE_WINS, *_LOST_ONE),
    ),
    Mutant(
        "one moved position of several is enough",
        _WRITER,
        'if advanced != f"UPDATE {len(rows)}":',
        'if advanced == "UPDATE 0":',
        _LOST_ONE,
    ),
    Mutant(
        "a file is begun again from anywhere",
        f"{_SQL}/begin_again.sql",
        "AND next_position = $3",
        "AND $3::bigint IS NOT NULL",
        _FENCED,
    ),
    Mutant(
        "a gap is skipped from anywhere",
        f"{_SQL}/skip_gap.sql",
        "AND next_position = $3",
        "AND $3::bigint IS NOT NULL",
        _FENCED,
    ),
    Mutant(
        "a known position is opened anew",
        f"{_SQL}/open_positions.sql",
        "DO NOTHING",
        "DO UPDATE SET next_position = excluded.next_position",
        _FENCED,
    ),
    # -- one transaction --
    Mutant(
        "quarantine is written outside of the transaction",
        _WRITER,
        """        staged = await self._staged_for_all_suppressions(batch)
        divided = staged.divided
        self.rejected = divided.rejected
        with translating():
            async with self._rolled_back(staged.transaction):
                await self.quarantine(divided.rejected)
""",
        """        await self.quarantine(batch.rejected)
        staged = await self._staged_for_all_suppressions(batch)
        divided = staged.divided
        self.rejected = divided.rejected
        with translating():
            async with self._rolled_back(staged.transaction):
""",
        (*_ZOMBIE, *_LOST_ONE),
    ),
    Mutant(
        "the position moves after the transaction",
        _WRITER,
        """                await self._advance(divided, books)
                before_commit(books)
            await staged.transaction.commit()
""",
        """                before_commit(books)
            await staged.transaction.commit()
            await self._advance(divided, books)
""",
        (*_ZOMBIE, *_ONE_WINS),
    ),
    # -- only a newer row wins --
    Mutant(
        "any version becomes current",
        f"{_SQL}/write_current.sql",
        _NEWER,
        "",
        (
            *_tests(
                _LAW,
                "test_two_saves_within_a_second_are_told_apart_by_event_time",
                "test_created_that_arrives_after_updated_changes_nothing",
                "test_a_deletion_is_not_undone_by_an_older_event",
            ),
            *_ORDER,
        ),
    ),
    Mutant(
        "a version that is current already becomes current",
        f"{_SQL}/write_current.sql",
        "         > (current.event_time",
        "        >= (current.event_time",
        _KNOWN,
    ),
    Mutant(
        "the row guard compares the time alone",
        f"{_SQL}/write_current.sql",
        _NEWER,
        "     WHERE excluded.event_time > current.event_time\n",
        _ORDER,
    ),
    # -- the sort --
    Mutant(
        "rows are written in the order of their arrival",
        _WRITER,
        "for version, newest in rows:",
        "for version, newest in sorted(rows, key=lambda row: row.version.record.position):",
        _DEADLOCK,
    ),
    Mutant(
        "tables are written in the order of their arrival",
        _BATCH,
        "{table: _sort_and_dedupe(by_table[name]) for name, table in TABLES.items() if name in by_table}",
        "{TABLES[name]: _sort_and_dedupe(rows) for name, rows in by_table.items()}",
        (*_DEADLOCK, *_tests(_GUARDS, "test_a_sorted_batch_goes_through_the_tables_in_one_order")),
    ),
    # -- sorting and deduplicating --
    Mutant(
        "the oldest of a batch becomes current",
        _BATCH,
        'sorted(versions, key=attrgetter("key"))',
        'sorted(versions, key=attrgetter("key"), reverse=True)',
        (
            *_SORTED,
            *_tests(
                _LAW, "test_the_newest_version_replaces_the_whole_row", "test_a_newer_active_version_revives_a_deleted_object"
            ),
        ),
    ),
    Mutant(
        "every version of a batch becomes current",
        _BATCH,
        "Staged(before, not same_object)",
        "Staged(before, True)",
        _SORTED,
    ),
    Mutant(
        "a version is in a batch as often as it came",
        _BATCH,
        "if same_object and version.key == before.key and version.metadata == before.metadata:",
        "if False:",
        _SORTED,
    ),
    Mutant(
        "the sort compares the time alone",
        _BATCH,
        'key=attrgetter("key")',
        "key=lambda version: version.key[:3]",
        _ORDER,
    ),
    # -- known versions --
    Mutant(
        "a known version is written again",
        f"{_SQL}/write_versions.sql",
        "        ON CONFLICT DO NOTHING\n",
        "",
        _EACH_EVENT,
    ),
    Mutant(
        "behind repetitions every version counts as known",
        _WRITER,
        "if number not in numbers or row.version.metadata is not None]",
        "if False]",
        _tests(_WRITING, "test_behind_a_batch_of_repetitions_new_versions_are_found_among_known_ones"),
    ),
    Mutant(
        "what a failing fetch had in hand is passed over",
        _WORKER,
        "                lease.rewind()\n",
        "",
        _tests("tests/faults/test_guards.py", "test_what_a_failing_fetch_had_in_hand_is_fetched_again"),
    ),
    Mutant(
        "workers with one instance id displace each other for ever",
        _MEMBERSHIP,
        "if self._instance_id and self.member_id and not member_id:",
        "if False:",
        _tests(_GROUP, "test_of_two_workers_with_one_instance_id_one_stops_and_names_it"),
    ),
    Mutant(
        "a group of another protocol is waited for",
        _MEMBERSHIP,
        "        if sentence := _REFUSALS.get(error_code):",
        "        if error_code < 0 and (sentence := _REFUSALS.get(error_code)):",
        _tests(_GROUP, "test_a_group_whose_members_speak_another_protocol_is_named"),
    ),
    Mutant(
        "a worker that is stopped while it joins stays in the group",
        _MEMBERSHIP,
        "        if self._instance_id or not self.member_id",
        "        if True or not self.member_id",
        _tests(_GROUP, "test_a_worker_that_is_stopped_while_it_joins_leaves_nothing_behind"),
    ),
    Mutant(
        "a new client waits for the session of the one before",
        _PARTITIONS,
        "KafkaSource(self._settings, self, self.source.member_id)",
        "KafkaSource(self._settings, self)",
        _tests(_OUTAGES, "test_after_a_long_outage_of_kafka_partitions_are_read_again_within_seconds"),
    ),
    Mutant(
        "a silent Kafka is told when its client is given up",
        _WATCHDOG,
        "min(silence_seconds, seconds)",
        "seconds",
        _tests(_OUTAGES, "test_an_outage_of_kafka_is_told_within_15_seconds"),
    ),
    Mutant(
        "a silence is told, and with a health check later than promised",
        "consumer/worker/outages.py",
        "SILENCE_SECONDS = 7.0",
        "SILENCE_SECONDS = 8.0",
        _tests("tests/test_house.py", "test_an_outage_is_told_by_compose_within_fifteen_seconds"),
    ),
    Mutant(
        "a session can keep the triggers from firing",
        "migrations/versions/0001_projection.books.sql",
        "    ENABLE ALWAYS TRIGGER tally_added, ENABLE",
        "    ENABLE TRIGGER tally_added, ENABLE",
        _tests(_UNKNOWN, "test_triggers_fire_whatever_replication_role_a_session_has"),
    ),
    Mutant(
        "a command takes another shard's id for ours",
        "consumer/query/objects.py",
        "    if shard is not None and id_ // SHARD != shard:\n        raise",
        "    if shard is None and id_ // SHARD != shard:\n        raise",
        _tests(
            "tests/acceptance/test_mastery_commands.py",
            "test_a_course_or_an_account_of_another_shard_is_not_taken_for_ours",
        ),
    ),
    Mutant(
        "until the end, what others hold counts as written",
        _UNTIL_END,
        "if all(at.get(partition, -1) >= end for partition, end in self.ends.items()):",
        "if all(at.get(partition, end) >= end for partition, end in self.ends.items()):",
        _tests(_GROUP, "test_until_the_end_does_not_wait_for_ever_for_partitions_that_somebody_else_holds"),
    ),
    Mutant(
        "until the end waits for ever",
        _UNTIL_END,
        "            elif time.monotonic() - progressed > limit:",
        "            elif progressed < 0:",
        _tests(_GROUP, "test_until_the_end_does_not_wait_for_ever_for_partitions_that_somebody_else_holds"),
    ),
    Mutant(
        "process 1 ignores SIGTERM while it loads",
        "consumer/__main__.py",
        "    signal.signal(signal.SIGTERM, _end_at_once)\n",
        "",
        _tests(_STARTING, "test_process_1_of_a_container_can_be_stopped_while_it_loads"),
    ),
    Mutant(
        "probes go elsewhere although their port was set",
        "consumer/app.py",
        "or_another=not chosen",
        "or_another=True",
        _tests(_STARTING, "test_a_second_worker_on_one_machine_takes_another_port_for_its_probes_and_says_so"),
    ),
    Mutant(
        "a topic that may not be read is waited for",
        "consumer/sources/kafka.py",
        '(forbidden("topic", topics) if topics else None)',
        "None",
        _tests("tests/acceptance/test_security.py", "test_what_the_worker_may_not_use_is_named"),
    ),
    Mutant(
        "what a later copy tells of the request is lost",
        _WRITER,
        "if known and any(row.version.metadata is not None for row in rows):",
        "if False:",
        _tests("tests/postgres/test_schema.py", "test_the_writer_role_can_write_and_cannot_rewrite_history"),
    ),
    Mutant(
        "all bodies have one hash",
        "consumer/ingest/canonical.py",
        'return int.from_bytes(hasher.digest(), "big", signed=True)',
        "return 0",
        _KNOWN,
    ),
    # -- refused rows --
    Mutant(
        "a refused row takes its batch mates with it",
        _WRITER,
        """        if len(span) == 1:
            refusals[span[0]] = message
""",
        """        if True:
            refusals |= dict.fromkeys(span, message)
""",
        _REFUSED,
    ),
    Mutant(
        "looking for refused rows writes the others",
        _WRITER,
        "                await transaction.rollback()\n        return None",
        "                await transaction.commit()\n        return None",
        (*_REFUSED, *_tests(_GUARDS, "test_looking_for_a_refused_row_changes_nothing")),
    ),
    Mutant(
        "two retries take the same records",
        f"{_SQL}/quarantine_take.sql",
        "\n   FOR UPDATE SKIP LOCKED",
        "",
        _tests(_GUARDS, "test_two_retries_at_once_apply_a_record_once"),
    ),
    # -- a COMMIT in doubt --
    Mutant(
        "a commit in doubt is taken for none",
        _STORE,
        "if self._in_doubt is batch:",
        "if False:",
        _tests(_GUARDS, "test_a_commit_that_was_done_and_not_answered_is_known_by_its_position"),
    ),
    Mutant(
        "a commit in doubt is taken for done",
        _STORE,
        "if all(positions.get(partition) == move.new for partition, move in batch.moves.items()):",
        "if True:",
        _tests(_WRITING, "test_a_connection_lost_during_commit_neither_loses_nor_doubles_the_batch"),
    ),
    # -- the loop --
    Mutant(
        "the worker begins where Kafka says",
        "consumer/worker/beginning.py",
        "position = known[partition]",
        'told = await lease.means().source._consumer.committed(__import__("aiokafka").TopicPartition(*partition))\n'
        "            position = known[partition] if told is None else told",
        _tests(_TOPIC, "test_a_restored_database_reads_again_what_it_is_missing"),
    ),
    Mutant(
        "SIGTERM drains nothing",
        _WORKER,
        "            await self._drain(fetching, others)\n",
        "",
        (*_SIGTERM, *_tests(_STOPPING, "test_a_command_that_is_told_to_stop_while_it_writes_ends_with_zero")),
    ),
    Mutant(
        "the drain ends before the writing",
        _WORKER,
        "while not self._partitions.idle.is_set():\n            await asyncio.sleep(0.01)",
        "while False:\n            await asyncio.sleep(0.01)",
        _SIGTERM,
    ),
    Mutant(
        "SIGTERM drops what was read and not yet handed over",
        _WORKER,
        "  # the writer's turn\n        if batch.moves:",
        "\n        if batch.moves and not self._outages.stopping.is_set():",
        _SIGTERM,
    ),
    Mutant(
        "partitions are given up in the middle of a transaction",
        _PARTITIONS,
        "await self.idle.wait()",
        "await asyncio.sleep(0)",
        _REVOKED,
    ),
    Mutant(
        "what was read of lost partitions is written",
        _PARTITIONS,
        "        old.end()\n",
        "",
        _REVOKED,
    ),
    Mutant(
        "a lease that has ended goes on writing",
        _PARTITIONS,
        "        self._means = None\n",
        "",
        _tests(_LEASE, "test_a_write_that_failed_is_not_tried_again_once_its_lease_has_ended"),
    ),
    Mutant(
        "what was fetched under a lease that ended meanwhile counts",
        _PARTITIONS,
        ".source.fetch(most, seconds)\n        self.means()\n",
        ".source.fetch(most, seconds)\n",
        _tests(_LEASE, "test_no_answer_counts_that_comes_after_the_end"),
    ),
    Mutant(
        "bounds that come after the end of their lease count",
        _PARTITIONS,
        "return_exceptions=True)\n        self.means()\n",
        "return_exceptions=True)\n",
        _tests(_LEASE, "test_no_answer_counts_that_comes_after_the_end"),
    ),
    Mutant(
        "what was staged outlives its lease",
        _PARTITIONS,
        "self._means.store.discard_staged()",
        "pass",
        _tests(_LEASE, "test_what_was_staged_is_dropped_with_its_lease"),
    ),
    Mutant(
        "what is staged after the end of its lease stays",
        _PARTITIONS,
        "        if self._lease.ended:",
        "        if False and self._lease.ended:",
        _tests(_LEASE, "test_what_is_staged_although_its_lease_has_just_ended_is_dropped_too"),
    ),
    Mutant(
        "positions move over what is read and not yet written",
        "consumer/worker/housekeeping.py",
        "if it.read_to == it.written_to <",
        "if it.written_to <",
        _tests("tests/unit/test_worker_turns.py", "test_positions_do_not_move_over_records_that_are_still_being_decoded"),
    ),
    Mutant(
        "a partition that has nothing to deliver counts as stuck",
        _WATCHDOG,
        "self.progressed is None or nothing_due or",
        "self.progressed is None or",
        _tests(_WATCHED, "test_a_partition_that_delivers_something_or_has_nothing_more_is_not_stuck"),
    ),
    Mutant(
        "clients are replaced again and again where that does not help",
        _WATCHDOG,
        "if again else self._seconds",
        "if False else self._seconds",
        _tests(_WATCHED, "test_where_a_new_client_has_not_helped_the_next_one_has_twice_the_time"),
    ),
    Mutant(
        "one leader that is away costs the client",
        _WATCHDOG,
        "now - max(it.heard",
        "now - min(it.heard",
        _tests(_WATCHED, "test_kafka_is_given_up_only_when_it_answers_about_no_partition"),
    ),
    # -- retention: what stays --
    Mutant(
        "retired history forgets who counted once",
        _RETENTION,
        'if self._table == "learning_outcome_result":',
        "if False:",
        (*_RESTORED, *_RETAINED),
    ),
    Mutant(
        "retired history forgets what metadata told of the tree",
        _RETENTION,
        'await self._connection.execute(sql("retain_context").format(**names), self._cutoff)',
        "pass",
        _RETAINED,
    ),
    Mutant(
        "what was retired leaves the books",
        _RETENTION,
        "await self._book(books)",
        "pass",
        _RETAINED,
    ),
    # -- Canvas' REST API --
    Mutant(
        "anybody can tell snapshots",
        "consumer/ingest/decode.py",
        "if table is None and record.source.startswith(CANVAS):",
        "if table is None:",
        _tests("tests/unit/test_snapshots.py", "test_a_snapshot_comes_from_canvas_and_from_nowhere_else"),
    ),
    Mutant(
        "REST overrides newer events",
        _COMPARE,
        "    if known is not None and known.event_time > requested_at:\n        return SkipReason.NEWER_HERE\n    members",
        "    members",
        _tests("tests/canvas/test_compare.py", "test_what_is_newer_than_the_request_is_left_alone"),
    ),
    Mutant(
        "what says the same is written again",
        _COMPARE,
        "    if known is not None and not differing and not late:\n        return SkipReason.UNCHANGED\n",
        "",
        _tests("tests/canvas/test_compare.py", "test_what_was_written_compares_as_equal"),
    ),
    Mutant(
        "a change of an enrolment has the time of the reading that found it",
        _COMPARE,
        "if untold and same_person",
        "if False",
        _tests(
            "tests/canvas/test_compare.py", "test_a_change_of_an_enrolment_without_an_event_has_the_time_when_canvas_saved_it"
        ),
    ),
    Mutant(
        "a new uuid of the same user counts from the enrolment's last change on",
        _COMPARE,
        "if untold and same_person",
        "if untold",
        _tests(
            "tests/canvas/test_compare.py", "test_a_change_of_an_enrolment_without_an_event_has_the_time_when_canvas_saved_it"
        ),
    ),
    Mutant(
        "what REST tells of an enrolment goes before an event of the same second",
        _COMPARE,
        "known.event_time < saved_at < change.at",
        "saved_at < change.at",
        _tests(
            "tests/canvas/test_compare.py", "test_a_change_of_an_enrolment_without_an_event_has_the_time_when_canvas_saved_it"
        ),
    ),
    Mutant(
        "late events are lost",
        "consumer/canvas/projection.py",
        "if snapshots := [id_ for id_, one in found.items() if one.snapshot]:",
        "if snapshots := list[int]():",
        _tests("tests/canvas/test_backfill_late.py", "test_a_feed_that_is_read_after_the_backfill_leaves_the_same_projection"),
    ),
    Mutant(
        "a snapshot gives way to older events",
        _COMPARE,
        "copied = any(one.get(name) == known.body[name] for one in known.earlier) if name in known.body else True",
        "copied = True",
        _tests("tests/canvas/test_backfill_late.py", "test_what_rest_once_showed_stays_when_it_is_hidden"),
    ),
    Mutant(
        "rosters: one with a refused list counts as read",
        _ROSTER_SURVEY,
        'yield Unanswered(f"{error}, so the roster counts as not read")',
        "yield WholeRoster(course.context_id, reading.began or datetime.now().astimezone())",
        _tests(_ROSTERS, "test_a_roster_with_a_refused_list_counts_as_not_read"),
    ),
    Mutant(
        "rosters: one of which a row was refused counts as read",
        "consumer/canvas/examining/rosters.py",
        "if memory.refused:",
        "if False:",
        _tests(_ROSTERS, "test_a_roster_of_which_a_row_was_refused_counts_as_not_read"),
    ),
    Mutant(
        "rosters: who sees some sections alone reads them",
        _ROSTER_SURVEY,
        "if self._own_id in limited:",
        "if False:",
        _tests(_ROSTERS, "test_a_token_that_is_limited_to_sections_reads_no_roster"),
    ),
    Mutant(
        "rosters: students without a uuid are in them",
        _ROSTER_SURVEY,
        "if unknown := len(",
        "if unknown := 0 * len(",
        _tests(_ROSTERS, "test_a_roster_of_students_whose_uuids_are_unknown_counts_as_not_read"),
    ),
    Mutant(
        "rosters: deleted enrolments are not asked for",
        "consumer/canvas/client.py",
        '"creation_pending", "deleted")',
        '"creation_pending")',
        _tests(_ROSTERS, "test_a_dropped_enrolment_that_no_event_told_is_known"),
    ),
    Mutant(
        "rosters: who is not shown stays",
        "consumer/canvas/examining/absent.py",
        "    thorough = thorough or observation.table in ROSTER\n",
        "",
        _tests(_ROSTERS, "test_an_enrolment_that_canvas_shows_nowhere_is_deleted"),
    ),
    Mutant(
        "rosters: a list of several pages is read once",
        _ROSTER_SURVEY,
        "if began is None or count == 1 or",
        "if True or",
        _tests(_ROSTERS, "test_an_enrolment_that_canvas_shows_nowhere_is_deleted"),
    ),
    Mutant(
        "rosters: a section that was cross-listed leaves its enrolments behind",
        "consumer/canvas/sql/enrollments_not_shown.sql",
        "coalesce(moved.course_id, held.course_id) = $3",
        "held.course_id = $3",
        _tests(_ROSTERS, "test_enrolments_that_a_section_has_taken_along_are_not_deleted"),
    ),
    Mutant(
        "rosters: the old course's list is believed, which came before the new one's",
        "consumer/canvas/examining/objects.py",
        "if ours is not None and _was_missed_elsewhere(remote, ours):",
        "if False:",
        _tests("tests/canvas/test_roster_faults.py", "test_courses_that_are_read_at_once_do_not_lose_a_cross_listed_section"),
    ),
    Mutant(
        "rosters: a merge that Canvas took back stays",
        _ROSTER_SURVEY,
        "(split := await self._projection.merged_users(reading.limits))",
        "(split := await self._projection.merged_users([]))",
        _tests(_ROSTERS, "test_a_merge_that_canvas_took_back_is_withdrawn"),
    ),
    Mutant(
        "rosters: a plain backfill goes on with one of rosters",
        "consumer/canvas/backfill.py",
        '" rosters" if self.rosters else ""',
        '""',
        _tests("tests/canvas/test_roster_faults.py", "test_a_backfill_without_rosters_does_not_resume_one_of_rosters"),
    ),
    Mutant(
        "rosters: a course whose account nobody told is below none",
        "migrations/views/roster_due.sql",
        "(account.id IS NULL OR imported.account_id IS NULL",
        "(imported.account_id IS NULL",
        _tests(
            "tests/canvas/test_backfill_command.py",
            "test_a_course_whose_accounts_are_not_told_up_to_the_root_may_be_below_any",
        ),
    ),
    Mutant(
        "rosters: those that were read stay due",
        "migrations/views/roster_due.sql",
        "AND reading.event_time > reached.since)",
        "AND false)",
        _tests(
            "tests/canvas/test_backfill_command.py",
            "test_rosters_below_the_account_of_a_sis_import_are_due_until_they_are_read",
        ),
    ),
    Mutant(
        "rosters: one that was read before the import is not due",
        "migrations/views/roster_due.sql",
        "AND reading.event_time > reached.since)",
        ")",
        _tests(
            "tests/canvas/test_backfill_command.py",
            "test_rosters_below_the_account_of_a_sis_import_are_due_until_they_are_read",
        ),
    ),
    Mutant(
        "a name stands in a report",
        "consumer/canvas/examining/examined.py",
        'if change.table == "canvas_user" and one.member in USER_NAMES else one',
        "if False else one",
        _tests(_ROSTERS, "test_with_names_they_are_stored_beside_and_stand_in_no_report"),
    ),
    Mutant(
        "a link that was moved is deleted",
        "consumer/canvas/examining/links.py",
        "examined.changes = await moves(observation, projection, memory) if memory.unknown_links else []",
        "examined.changes = []",
        _tests("tests/canvas/test_reconcile.py", "test_a_link_that_was_moved_is_the_same_one"),
    ),
    Mutant(
        "an alignment is gone because nobody is shown",
        "consumer/canvas/course_survey.py",
        "if gone := [pair for pair in pairs if students[pair] is None or students[pair]]:",
        "if gone := pairs:",
        _tests(
            "tests/canvas/test_backfill_inferred.py", "test_students_whom_canvas_does_not_show_prove_nothing_about_alignments"
        ),
    ),
    Mutant(
        "a newer result does not prove its alignment",
        f"{_FUNCTIONS}/text_of_rollup.sql",
        " AND s.event_time <= gone.removed_at)",
        ")",
        ("tests/postgres/test_mastery.py",),
    ),
    Mutant(
        "the weight of what is older is one less the newer one's",
        _SCORE,
        "score * (0.01::double precision * (100 - number))",
        "score * (1 - 0.01::double precision * number)",
        _RUBYS,
    ),
    Mutant(
        "a weight is a number divided by 100",
        _SCORE,
        "newest := 0.01::double precision * number;",
        "newest := number / 100::double precision;",
        _tests("tests/postgres/test_golden.py", "test_the_scores_of_all_lists_of_whole_scores_are_rubys"),
    ),
    Mutant(
        "what rounding took from a sum is forgotten",
        _SCORE,
        "score := (total + lost) / cardinality(added);",
        "score := total / cardinality(added);",
        _RUBYS,
    ),
    Mutant(
        "what an addition took is found from either of its numbers",
        _SCORE,
        "CASE WHEN abs(total) >= abs(v) THEN",
        "CASE WHEN true THEN",
        _RUBYS,
    ),
    Mutant(
        "halves are rounded to the even cent",
        _SCORE,
        "cents := floor(size * 100) + floor(2 * (size * 100 - floor(size * 100)));",
        "cents := round(size * 100);",
        _ROUNDED,
    ),
    Mutant(
        "a half that the hundredfold fell short of stays below",
        _SCORE,
        "THEN 1 ELSE 0 END",
        "THEN 0 ELSE 0 END",
        _ROUNDED,
    ),
    Mutant(
        "huge scores are rounded too",
        _SCORE,
        "IF size < 576460752303423488 THEN",
        "IF true THEN",
        _ROUNDED,
    ),
    Mutant(
        "digits depend on the session",
        f"{_FUNCTIONS}/shortest_decimal.sql",
        "SET extra_float_digits = 1 AS $$",
        "AS $$",
        _ROUNDED,
    ),
    Mutant(
        "the mean over students is of decimals",
        f"{_FUNCTIONS}/text_of_rollup.sql",
        "outcomes_internal.rollup_score('average', NULL, o.scores, NULL),",
        "(SELECT round(avg(one::numeric), 2) FROM unnest(o.scores) one),",
        _RUBYS,
    ),
    Mutant(
        "a sum is rounded also where it is close to a half",
        f"{_FUNCTIONS}/sure_score.sql",
        "> 0.001 THEN",
        ">= 0 THEN",
        _tests("tests/postgres/test_mastery.py", "test_many_thousand_scores_of_every_method_agree_to_the_last_cent"),
    ),
    Mutant(
        "the banks of a quiz are added up one by one",
        f"{_FUNCTIONS}/text_of_cells.sql",
        "THEN (cell.quiz_ids[1] <> cell.quiz_ids[2]) IS NOT TRUE",
        "THEN false",
        _tests("tests/postgres/test_mastery_rules.py", "test_the_rollups_of_now_are_those_of_the_newest_moment"),
    ),
    Mutant(
        "results of a removed alignment are added up",
        f"{_FUNCTIONS}/text_of_cells.sql",
        "OR cell.learning_outcome_id IN (SELECT gone.learning_outcome_id",
        "OR 0 IN (SELECT gone.learning_outcome_id",
        _tests("tests/postgres/test_mastery_rules.py", "test_the_rollups_of_now_are_those_of_the_newest_moment"),
    ),
    Mutant(
        "work that was handed in counts by when it was assessed in gradebooks of today",
        f"{_FUNCTIONS}/text_of_cells.sql",
        "                      AND s.assignment_id = ANY (ARRAY(SELECT DISTINCT unnest",
        "                      AND false AND s.assignment_id = ANY (ARRAY(SELECT DISTINCT unnest",
        _tests(_ROSTER_RULES, "test_a_submission_tells_the_time_where_no_assessment_does"),
    ),
    Mutant(
        "the newest result in a gradebook of today is the one assessed last",
        f"{_FUNCTIONS}/text_of_cells.sql",
        "ORDER BY coalesce(assessment.submitted_at, outcomes_internal.whole_second(s.assessed_at))",
        "ORDER BY coalesce(outcomes_internal.whole_second(s.assessed_at))",
        _tests("tests/postgres/test_mastery_rules.py", "test_a_result_is_as_old_as_its_submission_and_else_as_its_assessment"),
    ),
    Mutant(
        "anything with the number of a rubric assessment has its time",
        f"{_FUNCTIONS}/text_of_cells.sql",
        "assessment ON s.artifact_type = 'RubricAssessment'",
        "assessment ON true",
        _tests("tests/postgres/test_mastery_rules.py", "test_only_rubric_results_have_the_time_of_a_rubric_assessment"),
    ),
    Mutant(
        "within a second results of a gradebook of today are in the order of their microseconds",
        f"{_FUNCTIONS}/text_of_cells.sql",
        "outcomes_internal.whole_second(s.assessed_at)) NULLS FIRST, s.id'",
        "s.assessed_at) NULLS FIRST, s.id'",
        _tests("tests/postgres/test_mastery_rules.py", "test_times_are_cut_to_whole_seconds_and_ties_go_by_result_id"),
    ),
    Mutant(
        "what is no plain percentage is added up, too",
        f"{_FUNCTIONS}/text_of_cells.sql",
        "WHERE cell.total >= 1e6\n",
        "WHERE false\n",
        _tests("tests/postgres/test_mastery_rules.py", "test_the_rollups_of_now_are_those_of_the_newest_moment"),
    ),
    Mutant(
        "whoever left goes on counting",
        f"{_FUNCTIONS}/text_of_rollup.sql",
        "unnest(left_out) gone (name))';",
        "unnest(left_out) gone (name) WHERE false)';",
        _tests(_ROSTER_RULES, "test_whoever_left_has_no_row_and_counts_nowhere"),
    ),
    Mutant(
        "people of whom no enrolment was told count nowhere",
        f"{_FUNCTIONS}/result_person.sql",
        "WHEN NOT s.unknown THEN NULL",
        "WHEN true THEN NULL",
        _tests(_ROSTER_RULES, "test_a_projection_that_was_told_of_nobody_has_the_rows_of_all_results"),
    ),
    Mutant(
        "a roster that REST read makes nobody leave",
        f"{_FUNCTIONS}/result_person.sql",
        "WHEN read_at IS NULL",
        "WHEN true",
        _tests(_ROSTER_RULES, "test_somebody_of_whom_no_enrolment_was_told_has_a_row"),
    ),
    Mutant(
        "a uuid names whoever had it first",
        f"{_FUNCTIONS}/uuid_owner.sql",
        "(h.held_until = 'infinity' OR h.held_until > $3)",
        "h.held_from = '-infinity'",
        _tests(_ROSTER_RULES, "test_a_person_is_called_the_same_everywhere"),
    ),
    Mutant(
        "who has left and no longer has the uuid is not found",
        f"{_FUNCTIONS}/student_uuids.sql",
        "ELSE p.user_id = (SELECT owner.user_id FROM owner) END",
        "ELSE false END",
        _tests(_ROSTER_RULES, "test_who_left_is_found_by_id_when_somebody_else_has_the_uuid"),
    ),
    Mutant(
        "a cross-listed section leaves its enrolments behind",
        f"{_FUNCTIONS}/course_enrollment.sql",
        "s.id = e.course_section_id AND s.event_time > e.event_time",
        "s.id = e.course_section_id AND false",
        _tests(_ROSTER_RULES, "test_a_cross_listed_section_takes_its_enrolments_along"),
    ),
    Mutant(
        "a merge leaves the enrolments behind",
        f"{_FUNCTIONS}/course_enrollment.sql",
        "m.user_id = e.user_id AND m.event_time > e.event_time",
        "m.user_id = e.user_id AND false",
        _tests(_ROSTER_RULES, "test_a_merge_moves_enrolments_without_an_event"),
    ),
    Mutant(
        "a result is whoever's its uuid was when it was told last",
        f"{_FUNCTIONS}/text_of_rollup.sql",
        "'made', 'coalesce(s.created_at, s.assessed_at, s.event_time)',",
        "'made', 's.event_time',",
        _tests(_ROSTER_RULES, "test_a_uuid_that_moved_counts_for_whose_it_was_when_the_result_was_made"),
    ),
    Mutant(
        "a deleted user stays",
        f"{_FUNCTIONS}/gone_users.sql",
        "WHERE u.workflow_state = 'deleted'",
        "WHERE false",
        _tests(_ROSTER_RULES, "test_a_deleted_user_has_left"),
    ),
    Mutant(
        "a newer enrolment leaves a deleted user deleted",
        f"{_FUNCTIONS}/gone_users.sql",
        "AND e.event_time > u.event_time",
        "AND false",
        _tests(_IDENTITY_RULES, "test_an_enrolment_that_is_newer_tells_that_a_deleted_user_is_there_again"),
    ),
    Mutant(
        "a merge wins over a newer user",
        f"{_FUNCTIONS}/user_merged.sql",
        "AND u.event_time > m.event_time",
        "AND false",
        _tests(_IDENTITY_RULES, "test_whatever_is_newer_than_a_merge_and_tells_of_the_user_undoes_it"),
    ),
    Mutant(
        "a merge wins over a newer enrolment",
        f"{_FUNCTIONS}/user_merged.sql",
        "AND e.event_time > m.event_time",
        "AND false",
        _tests(_IDENTITY_RULES, "test_whatever_is_newer_than_a_merge_and_tells_of_the_user_undoes_it"),
    ),
    Mutant(
        "merges are followed one step",
        f"{_FUNCTIONS}/course_enrollment.sql",
        "coalesce(m.becomes, e.user_id)",
        "coalesce(m.merged_into_user_id, e.user_id)",
        _tests(_IDENTITY_RULES, "test_merges_are_followed_to_the_last_user"),
    ),
    Mutant(
        "merges in a circle leave nobody",
        f"{_FUNCTIONS}/merged_user.sql",
        "WHERE n.user_id = merge.user_id AND n.reached = merge.user_id",
        "WHERE false",
        _tests(_IDENTITY_RULES, "test_of_merges_in_a_circle_the_oldest_no_longer_holds"),
    ),
    Mutant(
        "a uuid that comes back stays with the other user",
        f"{_FUNCTIONS}/identity_moment.sql",
        "WHERE u.root_account_uuid = tenant AND u.id = ANY (user_ids)",
        "WHERE false",
        _tests(_IDENTITY_RULES, "test_a_uuid_that_goes_to_another_user_and_comes_back_was_whose_it_was_in_between"),
    ),
    Mutant(
        "an enrolment does not tell that a uuid came back",
        f"{_FUNCTIONS}/identity_moment.sql",
        "WHERE e.root_account_uuid = tenant AND e.user_id = ANY (user_ids)",
        "WHERE false",
        _tests(_IDENTITY_RULES, "test_a_uuid_that_a_user_has_again_is_the_users_own"),
    ),
    Mutant(
        "an enrolment of no type makes somebody leave",
        f"{_FUNCTIONS}/result_person.sql",
        "WHERE e.type IN ('StudentEnrollment', 'StudentViewEnrollment', 'TeacherEnrollment'",
        "WHERE true OR e.type IN ('StudentEnrollment', 'StudentViewEnrollment', 'TeacherEnrollment'",
        _tests(_IDENTITY_RULES, "test_an_enrolment_of_no_type_that_canvas_has_tells_nothing"),
    ),
    Mutant(
        "a blank uuid is somebody's",
        "consumer/ingest/decode.py",
        "        for member in table.user_uuids:",
        "        for member in ():",
        _tests(_IDENTITY_RULES, "test_a_blank_uuid_is_nobodys"),
    ),
    Mutant(
        "a user of another shard is the one with the same local id",
        "consumer/ingest/own_ids.py",
        "if member in table.global_ids and value // SHARD == shard else value",
        "if member in table.global_ids else value",
        _tests(_IDENTITY_RULES, "test_a_user_of_another_shard_is_not_the_one_with_the_same_local_id"),
    ),
    Mutant(
        "the newest submission is what was assessed",
        f"{_FUNCTIONS}/text_of_rollup.sql",
        "AND s.submitted_at <= coalesce(r.assessed_at, 'infinity')",
        "AND s.resubmitted_at = 'infinity'",
        _tests(_IDENTITY_RULES, "test_work_that_is_handed_in_again_after_it_was_assessed_is_not_what_was_assessed"),
    ),
    Mutant(
        "a deleted submission tells when work was handed in",
        f"{_FUNCTIONS}/submission_time.sql",
        " AND v.newest_state <> 'deleted'",
        "",
        _tests(_IDENTITY_RULES, "test_work_that_is_handed_in_again_after_it_was_assessed_is_not_what_was_assessed"),
    ),
    Mutant(
        "a submission tells the time though an assessment was told",
        f"{_FUNCTIONS}/text_of_rollup.sql",
        "OR (SELECT count(*) FROM rubric) > (SELECT count(*) FROM assessment) -- as a rule all were told\n"
        "                   AND r.rubric_assessment_id NOT IN (SELECT assessment.id FROM assessment))",
        "OR true)",
        _tests(_ROSTER_RULES, "test_a_submission_tells_the_time_where_no_assessment_does"),
    ),
    Mutant(
        "a tenant that nobody knows is answered with nothing",
        f"{_FUNCTIONS}/known_tenant.sql",
        "IF tenant = (SELECT r.root_account_uuid",
        "IF true OR tenant = (SELECT r.root_account_uuid",
        _tests("tests/postgres/test_questions.py", "test_a_tenant_that_is_not_known_is_an_error_in_every_function"),
    ),
    Mutant(
        "the scale is that of the results' moment, whatever was asked",
        f"{_FUNCTIONS}/text_of_rollup.sql",
        "coalesce({scale_at}, at), known_at) found",
        "at, known_at) found",
        _tests("tests/postgres/test_questions.py", "test_two_dates_are_compared_on_one_scale"),
    ),
    Mutant(
        "the state before a change is the one that came before",
        "migrations/views/result_change.sql",
        "         ORDER BY v.event_time DESC, v.event_name DESC, v.updated_at DESC NULLS LAST, v.version_hash DESC\n",
        "         ORDER BY v.recorded_at DESC, v.position DESC\n",
        _tests("tests/postgres/test_relations.py", "test_what_analysts_ask_does_not_depend_on_arrival"),
    ),
    Mutant(
        "a link has its path again when its outcome comes back",
        "migrations/functions/outcome_path_of.sql",
        "       OR outcomes_internal.outcome_deleted_since(",
        "       OR NULL AND outcomes_internal.outcome_deleted_since(",
        _tests("tests/postgres/test_relations.py", "test_what_was_deleted_has_no_path"),
    ),
    Mutant(
        "only the moment before is judged by the scale that was asked for",
        f"{_FUNCTIONS}/mastery_change.sql",
        "($1, $2, $4, $5, $6) became",
        "($1, $2, $4, $5) became",
        _tests("tests/postgres/test_relations.py", "test_a_change_of_the_scale_is_no_change_on_one_scale"),
    ),
    Mutant(
        "names stay out of a gradebook also for those who may read them",
        f"{_FUNCTIONS}/readable_names.sql",
        "IF has_table_privilege('outcomes.person_name', 'SELECT') THEN",
        "IF false THEN",
        _tests("tests/postgres/test_gradebook_at.py", "test_names_are_there_for_those_who_may_read_them"),
    ),
    Mutant(
        "scores a little apart are the same",
        "consumer/canvas/examining/rollups.py",
        "if difference.ours == difference.canvas:",
        "if abs((difference.ours or 0) - (difference.canvas or 0)) < 0.006:",
        _tests("tests/canvas/test_reconcile.py", "test_a_rollup_that_differs_by_less_than_a_cent_differs"),
    ),
    Mutant(
        "links come back with their outcome",
        f"{_FUNCTIONS}/outcome_deleted_since.sql",
        "AND v.event_time > since\n",
        "AND false\n",
        _tests("tests/postgres/test_mastery_rules.py", "test_links_that_went_with_their_outcome_do_not_come_back_with_it"),
    ),
    Mutant(
        "viewer: any login is passed on to the socket that trusts all",
        _TCP,
        "if named != [login.encode()]:",
        "if False:",
        _tests(_VIEWER, "test_only_the_login_and_its_password_open_the_address"),
    ),
    Mutant(
        "viewer: the server does not ask for the password",
        "consumer/engines/postgres.py",
        'f"local all {login} scram-sha-256\\n"',
        'f"local all {login} trust\\n"',
        _tests(_VIEWER, "test_only_the_login_and_its_password_open_the_address"),
    ),
    Mutant(
        "viewer: transactions may write",
        f"{_SQL}/viewer.sql",
        "    ALTER ROLE outcomes_viewer SET default_transaction_read_only = on;\n",
        "",
        _tests(_VIEWER, "test_nothing_can_be_written_and_quarantine_cannot_be_read"),
    ),
    Mutant(
        "viewer: a session that may write makes temporary tables",
        f"{_SQL}/viewer.sql",
        "    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());\n",
        "",
        _tests(_VIEWER, "test_nothing_can_be_written_and_quarantine_cannot_be_read"),
    ),
    Mutant(
        "viewer: a session that may write makes large objects",
        f"{_SQL}/viewer.sql",
        "    REVOKE EXECUTE ON FUNCTION pg_catalog.lo_creat(integer), pg_catalog.lo_create(oid), "
        "pg_catalog.lo_from_bytea(oid, bytea) FROM PUBLIC;\n",
        "",
        _tests(_VIEWER, "test_nothing_can_be_written_and_quarantine_cannot_be_read"),
    ),
    Mutant(
        "viewer: one program takes all connections",
        _TCP,
        "if len(forwarded) >= CONNECTIONS:",
        "if False:",
        _tests(_VIEWER, "test_one_program_cannot_take_all_connections"),
    ),
    Mutant(
        "viewer: who says nothing is waited for",
        _TCP,
        "async with asyncio.timeout(STARTUP_SECONDS):",
        "async with asyncio.timeout(STARTUP_SECONDS * 100):",
        _tests(_VIEWER, "test_who_says_nothing_is_not_waited_for"),
    ),
    Mutant(
        "viewer: other machines reach the address",
        _TCP,
        'HOST = "127.0.0.1"',
        'HOST = "0.0.0.0"',
        _tests(_VIEWER, "test_other_programs_read_while_commands_write"),
    ),
    Mutant(
        "viewer: a password that others could read stays",
        _TCP,
        " and not found.st_mode & 0o077",
        "",
        _tests(_VIEWER, "test_the_address_stays_the_same_and_its_password_is_nobody_elses"),
    ),
    Mutant(
        "readers are shown an error in place of what they may see",
        "consumer/query/sql/reads_quarantine.sql",
        "SELECT has_table_privilege('outcomes.quarantine', 'SELECT')",
        "SELECT true",
        ("tests/acceptance/test_readers.py",),
    ),
    Mutant(
        "log lines are written into the progress bar",
        "consumer/commands/terminal.py",
        ", log.diverted(_AboveTheBar())",
        "",
        _tests("tests/acceptance/test_prose.py", "test_no_log_line_is_written_into_the_progress_bar"),
    ),
    Mutant(
        "a course that was refused in part counts as read",
        "consumer/canvas/backfill.py",
        "if not await self._step(step.context.step, self._survey.observe(step)):",
        "if not await self._step(step.context.step, self._survey.observe(step)) and False:",
        ("tests/canvas/test_backfill_faults.py",),
    ),
    Mutant(
        "the token follows a link to anywhere",
        "consumer/canvas/client.py",
        " and url.origin() == self._base.origin()",
        "",
        _tests("tests/canvas/test_client.py", "test_the_token_goes_to_its_own_canvas_and_nowhere_else"),
    ),
    Mutant(
        "the door stands open",
        "consumer/serve/door.py",
        'if scope["type"] != "http" or scope["path"] in HEALTH or',
        "if True or",
        _tests("tests/serve/test_manners.py", "test_without_a_token_nothing_but_health_is_answered"),
    ),
    Mutant(
        "strangers take all connections to the database",
        "consumer/serve/access/lookup.py",
        "async with self._pool.stranger_slot():",
        "if True:",
        _tests(_ATTACKS, "test_a_flood_of_wrong_tokens_takes_nothing_from_those_who_have_one"),
    ),
    Mutant(
        "a good token waits behind strangers",
        "consumer/serve/access/lookup.py",
        "        if known is not None:\n            return await self._look_up(key)\n",
        "",
        _tests(_ATTACKS, "test_a_token_that_was_good_is_asked_about_without_waiting_behind_strangers"),
    ),
    Mutant(
        "a wrong token is looked up each time",
        "consumer/serve/access/lookup.py",
        "return time.monotonic() < self._wrong.get(key, 0.0)",
        "return False",
        _tests(_ATTACKS, "test_a_wrong_token_is_not_looked_up_again_and_again_and_opens_soon_after_it_was_made"),
    ),
    Mutant(
        "a wrong token stays wrong",
        "consumer/serve/access/lookup.py",
        "return time.monotonic() < self._wrong.get(key, 0.0)",
        "return key in self._wrong",
        _tests(_ATTACKS, "test_a_wrong_token_is_not_looked_up_again_and_again_and_opens_soon_after_it_was_made"),
    ),
    Mutant(
        "strangers fill the memory",
        "consumer/serve/access/lookup.py",
        "    if len(entries) >= most:\n",
        "    if False:\n",
        _tests(_ATTACKS, "test_what_is_remembered_of_strangers_is_bounded"),
    ),
    Mutant(
        "wrong tokens are not counted",
        "consumer/serve/access/lookup.py",
        "if count >= WRONG_TOKENS else 0",
        "if False else 0",
        _tests(
            _ATTACKS,
            "test_who_sends_too_many_wrong_tokens_is_told_to_wait_and_a_good_one_works_all_the_same",
            "test_addresses_are_counted_by_client",
        ),
    ),
    Mutant(
        "readiness is asked for by each",
        "consumer/serve/app.py",
        "if running is None or running.done():",
        "if True:",
        _tests(_ATTACKS, "test_a_flood_of_wrong_tokens_takes_nothing_from_those_who_have_one"),
    ),
    Mutant(
        "a question without a tenant in it takes nobody's turn",
        "consumer/serve/read_pool.py",
        "owner = tenant if tenant is not None else arguments[0] if arguments else None",
        "owner = arguments[0] if arguments else None",
        _tests(_ATTACKS, "test_a_question_at_a_moment_takes_its_tenants_turn"),
    ),
    Mutant(
        "any number of connections is open",
        "consumer/serve/connections.py",
        "if len(self._server.open) >= self._server.most:",
        "if False:",
        _tests(_ATTACKS, "test_where_all_connections_are_being_answered_another_one_is_told_so"),
    ),
    Mutant(
        "silent connections make no room",
        "consumer/serve/connections.py",
        "idle = self._server.longest_waiting()",
        "idle = None",
        _tests(_ATTACKS, "test_connections_that_ask_nothing_make_room"),
    ),
    Mutant(
        "a parameter that nobody knows is ignored",
        "consumer/serve/api/dependencies.py",
        "if name not in declared and name not in _ANYWHERE:",
        "if False:",
        _tests("tests/serve/test_people.py", "test_what_the_reference_calls_refused_is_refused"),
    ),
    Mutant(
        "a course or account is everybody's",
        "consumer/serve/api/dependencies.py",
        "    if sight is None:\n        raise not_found()\n",
        "    if sight is None:\n        sight = Sight(None, names=True)\n",
        _tests(_RIGHTS, _MATRIX),
    ),
    Mutant(
        "a page about a whole course is shown to who sees a section",
        "consumer/serve/api/dependencies.py",
        'if not sees_all and request.scope["route"].path not in NARROWED:',
        "if False:",
        _tests(_RIGHTS, "test_a_page_that_cannot_be_narrowed_is_refused_to_who_sees_sections"),
    ),
    Mutant(
        "names are shown to everybody",
        "consumer/serve/read_pool.py",
        "    if not SHOWS_NAMES.get():\n        return []\n",
        "",
        _tests(_RIGHTS, _MATRIX),
    ),
    Mutant(
        "names of a course are shown by a right to another one",
        "consumer/rights/viewer.py",
        "return Sight(None, any(right.names for right in covering))\n        sections",
        "return Sight(None, any(right.names for right in self.rights))\n        sections",
        _tests(_RIGHTS, "test_names_are_shown_where_a_right_with_names_covers_them"),
    ),
    Mutant(
        "a gradebook has the rows of all sections",
        "consumer/serve/api/gradebook_rows.py",
        "        if seen is not None:\n",
        "        if False:\n",
        _tests(_RIGHTS, _MATRIX),
    ),
    Mutant(
        "a section that is not theirs can be asked for",
        "consumer/serve/api/gradebook_rows.py",
        "        if not request.sight.shows(section_id):\n            raise not_found()\n",
        "",
        _tests(_RIGHTS, "test_what_is_not_theirs_is_as_if_it_did_not_exist"),
    ),
    Mutant(
        "enrolments are those of all sections",
        "consumer/serve/api/people.py",
        'return [row for row in rows if sights[row["course_id"]].shows(row["course_section_id"])]',
        "return rows",
        _tests(_RIGHTS, _MATRIX),
    ),
    Mutant(
        "any section can be looked at",
        "consumer/serve/api/people.py",
        "if row is None or sight is None or not sight.shows(id_):",
        "if row is None:",
        _tests(_RIGHTS, _MATRIX),
    ),
    Mutant(
        "any user can be looked at",
        "consumer/serve/api/people.py",
        "if not request.viewer.sees_all and not await _enrollments_of(request, id_):",
        "if False:",
        _tests(_RIGHTS, _MATRIX),
    ),
    Mutant(
        "the past of anything can be looked at",
        "consumer/serve/api/history.py",
        "if request.viewer.sees_all or await shown(request, row)",
        "if True",
        _tests(_RIGHTS, _MATRIX),
    ),
    Mutant(
        "any outcome can be looked at",
        "consumer/serve/api/routes.py",
        " or not await request.sees(row):",
        ":",
        _tests(_RIGHTS, _MATRIX),
    ),
    Mutant(
        "a student of another section can be asked for",
        "consumer/serve/api/dependencies.py",
        "return [one for one in found if one in seen]",
        "return found",
        _tests(_RIGHTS, "test_what_is_not_theirs_is_as_if_it_did_not_exist"),
    ),
    Mutant(
        "a right to see is one to write",
        "consumer/serve/door.py",
        "        if not viewer.sees_all:\n",
        "        if False:\n",
        _tests(_RIGHTS, "test_only_who_sees_the_whole_tenant_writes"),
    ),
    Mutant(
        "a revoked right holds",
        f"{_FUNCTIONS}/access_rights.sql",
        " AND g.revoked_at IS NULL",
        "",
        _tests("tests/serve/test_teaching.py", "test_a_right_holds_from_its_grant_to_its_revocation"),
    ),
    Mutant(
        "any enrolment teaches",
        f"{_FUNCTIONS}/teaching_rights.sql",
        "e.type IN ('TeacherEnrollment', 'TaEnrollment') AND e.workflow_state = 'active'",
        "true",
        _tests("tests/serve/test_teaching.py", "test_only_an_active_enrolment_as_a_teacher_or_ta_shows_a_course"),
    ),
    Mutant(
        "a login of two people is either's",
        f"{_FUNCTIONS}/person_rights.sql",
        "WHERE cardinality(c.ids) = 1",
        "WHERE true",
        _tests("tests/serve/test_teaching.py", "test_a_login_that_two_people_have_teaches_nothing"),
    ),
    Mutant(
        "whatever algorithm the provider offers is believed",
        _OIDC,
        '        metadata["id_token_signing_alg_values_supported"] = [self._settings.oidc_algorithm]\n',
        "        del metadata\n",
        _tests(_SIGN_IN, "test_no_token_with_a_fault_gives_a_session"),
    ),
    Mutant(
        "a token for another client is believed",
        _OIDC,
        ', "aud": {"essential": True, "value": client}}',
        "}",
        _tests(_SIGN_IN, "test_no_token_with_a_fault_gives_a_session"),
    ),
    Mutant(
        "a token of another issuer is believed",
        _OIDC,
        '{"iss": {"essential": True, "value": issuer}',
        '{"iss": {"essential": True}',
        _tests(_SIGN_IN, "test_no_token_with_a_fault_gives_a_session"),
    ),
    Mutant(
        "who signs in is sent anywhere",
        "consumer/serve/access/sign_in.py",
        'return path if _OWN_PATH.fullmatch(path) and path.partition("?")[0] not in PATHS else HOME',
        "return path",
        _tests(_SIGN_IN, "test_nobody_is_sent_to_another_server"),
    ),
    Mutant(
        "the session that was there goes on",
        "consumer/serve/access/sign_in.py",
        "        await self.end(request)\n        secret = ",
        "        secret = ",
        _tests(_SIGN_IN, "test_a_session_cannot_be_given_to_somebody"),
    ),
    Mutant(
        "any form is ours",
        "consumer/serve/access/cookies.py",
        "return value is not None and hmac",
        "return True or hmac",
        _tests(_SIGN_IN, "test_another_site_signs_nobody_in_or_out", "test_a_session_writes_only_with_the_token_of_a_form"),
    ),
    Mutant(
        "a browser writes what another site sends",
        "consumer/serve/door.py",
        "if viewer.by_cookie and not",
        "if False and not",
        _tests(_SIGN_IN, "test_a_session_writes_only_with_the_token_of_a_form"),
    ),
    Mutant(
        "anybody is the proxy",
        "consumer/serve/door.py",
        "if not _is_among(peer, self._proxies):",
        "if False:",
        _tests(_SIGN_IN, "test_a_proxy_says_who_somebody_is_and_nobody_else_does"),
    ),
    Mutant(
        "an address that nobody has verified is a login",
        "consumer/serve/access/sign_in.py",
        'if name == "email" and claims.get("email_verified") is not True:',
        "if False:",
        _tests(_SIGN_IN, "test_a_claim_that_says_nothing_certain_is_none"),
    ),
    Mutant(
        "a session that was ended goes on",
        f"{_FUNCTIONS}/rights_of_secret.sql",
        " AND s.ended_at IS NULL",
        "",
        _tests(_SIGN_IN, "test_a_session_ends"),
    ),
    Mutant(
        "a session never ends",
        f"{_FUNCTIONS}/rights_of_secret.sql",
        " AND s.expires_at > now()",
        "",
        _tests(_SIGN_IN, "test_a_session_ends"),
    ),
    Mutant(
        "a token that was revoked keeps its session",
        f"{_FUNCTIONS}/rights_of_secret.sql",
        " AND t.revoked_at IS NULL",
        "",
        _tests(_SIGN_IN, "test_a_token_that_is_typed_into_the_form_signs_in"),
    ),
    Mutant(
        "a look is in no log",
        "consumer/serve/access/log.py",
        "        self._waiting.append(",
        "        tuple(",
        _tests(_LOOKS, "test_a_look_at_students_is_a_row"),
    ),
    Mutant(
        "looks that cannot be logged are shown",
        "consumer/serve/door.py",
        "if self._access.log.is_full:",
        "if False:",
        _tests(_LOOKS, "test_where_looks_cannot_be_logged_nothing_is_shown"),
    ),
    Mutant(
        "a stop loses looks",
        "consumer/serve/access/log.py",
        "        while self._waiting and time.monotonic() < until:\n",
        "        while False:\n",
        _tests(_LOOKS, "test_a_server_that_stops_has_written_all_looks"),
    ),
    Mutant(
        "the log keeps all",
        f"{_FUNCTIONS}/empty_access_log.sql",
        "WHERE l.at < now() - make_interval(days => greatest(kept_days, 1))",
        "WHERE false",
        _tests(_LOOKS, "test_what_is_too_old_goes"),
    ),
    Mutant(
        "a login that may not read names gets no answer",
        "consumer/serve/read_pool.py",
        "    except asyncpg.InsufficientPrivilegeError:\n        return []",
        "    except ZeroDivisionError:\n        return []",
        _tests("tests/serve/test_people.py", "test_names_are_shown_only_where_the_login_may_read_them"),
    ),
    Mutant(
        "who has left has a row in the gradebook that is served",
        "consumer/serve/sql/gradebook_students.sql",
        "WHERE r.standing = 'enrolled'",
        "WHERE true",
        _tests("tests/serve/test_gradebook.py", "test_each_enrolment_that_is_not_deleted_is_a_row"),
    ),
    Mutant(
        "a result that is served is whoever's the uuid is now",
        "consumer/serve/sql/results.sql",
        " AND c.made_at >= p.held_from AND c.made_at < p.held_until",
        "",
        _tests("tests/serve/test_gradebook.py", "test_results_count_for_whoever_had_the_uuid_when_they_were_made"),
    ),
    Mutant(
        "a cross-listed enrolment is served in its old course",
        "consumer/serve/sql/course_enrollments.sql",
        " WHERE e.here AND (",
        " WHERE (",
        _tests("tests/serve/test_people.py", "test_a_cross_listed_section_takes_its_enrolments_along"),
    ),
    Mutant(
        "a title in the file of the gradebook is a formula",
        "consumer/serve/api/reports.py",
        'as_text(f"{title} {what}")',
        'f"{title} {what}"',
        _tests("tests/serve/test_gradebook.py", "test_no_cell_of_the_file_is_a_formula"),
    ),
    Mutant(
        "a text in a page is markup",
        f"{_PAGES}/rendering.py",
        "autoescape=True,",
        "autoescape=False,",
        _tests(_PAGE_TESTS, "test_pages_load_nothing_from_elsewhere_and_run_nothing_of_their_own"),
    ),
    Mutant(
        "a page may load anything from anywhere",
        f"{_PAGES}/routing.py",
        '_HEADERS = {"Content-Security-Policy": POLICY, ',
        "_HEADERS = {",
        _tests(_PAGE_TESTS, "test_pages_load_nothing_from_elsewhere_and_run_nothing_of_their_own"),
    ),
    Mutant(
        "a cell of a page's CSV is a formula",
        f"{_PAGES}/routing.py",
        "[field(value) for value in row]",
        "list(row)",
        _tests(_PAGE_TESTS, "test_no_cell_of_a_csv_is_a_formula"),
    ),
    Mutant(
        "two levels of a page differ by their colour alone",
        f"{_PAGES}/rendering.py",
        '_SHAPES[under] if under < len(_SHAPES) else "low"',
        '"near"',
        _tests(_PAGE_TESTS, "test_no_level_is_told_by_its_colour_alone"),
    ),
    Mutant(
        "a question that has asked for names goes on in their role",
        "consumer/serve/read_pool.py",
        'await connection.execute(f"SET LOCAL ROLE {ROLE}")',
        "pass",
        _tests(_PAGE_TESTS, "test_names_are_shown_where_they_may_be_read"),
    ),
    Mutant(
        "a page shows records of quarantine whoever's they are",
        f"{_PAGES}/operations.py",
        "    await tenant_of(connection, None)\n    await _as_writer",
        "    await _as_writer",
        _tests("tests/serve/test_page_details.py", "test_quarantine_is_shown_to_the_only_tenant_alone"),
    ),
    Mutant(
        "a request may trickle for ever",
        "consumer/serve/connections.py",
        "now - self.since > REQUEST_SECONDS",
        "False",
        _tests(_ATTACKS, "test_a_request_that_trickles_is_given_up"),
    ),
    Mutant(
        "an answer may lie unread for ever",
        "consumer/serve/connections.py",
        "now - self._unread_since > UNREAD_SECONDS",
        "False",
        _tests(_ATTACKS, "test_who_does_not_read_is_cut_off"),
    ),
    Mutant(
        "a head that comes at once may be of any size",
        "consumer/serve/connections.py",
        "if len(head) > HEAD_BYTES:",
        "if False:",
        _tests(_ATTACKS, "test_a_request_that_is_too_large_is_told_so"),
    ),
    Mutant(
        "a body may say any length",
        "consumer/serve/connections.py",
        "if length is not None and int(length) > MAX_BYTES:",
        "if False:",
        _tests(_ATTACKS, "test_a_request_that_is_too_large_is_told_so"),
    ),
    Mutant(
        "a body in chunks may be of any size",
        "consumer/serve/connections.py",
        "if self._body_bytes > MAX_BYTES:",
        "if False:",
        _tests(_ATTACKS, "test_the_sandboxs_paths_and_bodies_are_read_in_one_way"),
    ),
    Mutant(
        "headers may be folded",
        "consumer/serve/connections.py",
        'if b"\\n " in head or b"\\n\\t" in head or (',
        "if (",
        _tests(_ATTACKS, "test_what_two_servers_may_read_in_two_ways_is_refused"),
    ),
    Mutant(
        "a length stands beside chunks",
        "consumer/serve/connections.py",
        "length is not None or request.http_version",
        "request.http_version",
        _tests(_ATTACKS, "test_what_two_servers_may_read_in_two_ways_is_refused"),
    ),
    Mutant(
        "any host is repeated",
        "consumer/serve/connections.py",
        "_HOST.search(head) is None",
        "False",
        _tests(_ATTACKS, "test_what_two_servers_may_read_in_two_ways_is_refused"),
    ),
    Mutant(
        "of two tokens the first counts",
        "consumer/serve/door.py",
        "if len(authorizations) > 1:",
        "if False:",
        _tests(_ATTACKS, "test_what_two_servers_may_read_in_two_ways_is_refused"),
    ),
    Mutant(
        "an encoded slash is one",
        "consumer/serve/door.py",
        '_ENCODED.search(scope.get("raw_path", b""))',
        "False",
        _tests(
            _ATTACKS,
            "test_what_an_encoded_character_hides_is_not_there",
            "test_the_sandboxs_paths_and_bodies_are_read_in_one_way",
        ),
    ),
    Mutant(
        "caches keep refusals",
        "consumer/serve/door.py",
        "*_STRICT, *([_OWN_SCRIPTS]",
        "*([_OWN_SCRIPTS]",
        _tests(_ATTACKS, "test_every_answer_stays_with_who_asked"),
    ),
    Mutant(
        "a course of another shard is ours",
        "consumer/serve/api/dependencies.py",
        "if id_ >= SHARD and id_ // SHARD != await _shard(self.pool, self.tenant):",
        "if False:",
        _tests(
            _ATTACKS, "test_ids_of_other_shards_are_not_ours", "test_where_no_event_has_told_the_shard_a_global_id_is_nobodys"
        ),
    ),
    Mutant(
        "a user of another shard is ours",
        "consumer/serve/api/dependencies.py",
        "local_id(id_) if id_ >= SHARD and id_ // SHARD == await _shard(self.pool, self.tenant) else id_",
        "local_id(id_)",
        _tests(_ATTACKS, "test_ids_of_other_shards_are_not_ours"),
    ),
    Mutant(
        "unknown members are passed on",
        "consumer/serve/api/history.py",
        '"event_time", "extra")',
        '"event_time")',
        _tests(_ATTACKS, "test_members_that_nobody_knows_are_in_no_answer"),
    ),
    Mutant(
        "unknown members of nested things are passed on",
        "consumer/serve/api/serializers.py",
        "for name in value if name in part.model_fields}",
        "for name in value}",
        _tests(_ATTACKS, "test_members_that_nobody_knows_are_in_no_answer"),
    ),
    Mutant(
        "a member may come twice",
        "consumer/serve/api/rails_params.py",
        "    if len(found) < len(members):\n",
        "    if False:\n",
        _tests(_ATTACKS, "test_the_sandboxs_paths_and_bodies_are_read_in_one_way"),
    ),
    Mutant(
        "two students have one pseudonym",
        "consumer/query/people.py",
        "        digits += 1\n",
        "        break\n",
        _tests(_CALLED, "test_a_pseudonym_stays_the_same_and_is_another_ones_nowhere"),
    ),
    Mutant(
        "numbers in names are texts",
        "consumer/query/people.py",
        "_NUMBER.sub(_by_value, name)",
        "name",
        _tests(_CALLED, "test_numbers_in_names_count_by_their_value"),
    ),
    Mutant(
        "who left has a row",
        "consumer/query/students.py",
        'if student.standing == "left" and not self.left:',
        "if False:",
        _tests(_PEOPLE, "test_whoever_is_enrolled_has_a_row_and_whoever_left_has_none"),
    ),
    Mutant(
        "an enrolment in another section keeps somebody in",
        "consumer/query/students.py",
        "not counted.is_excluded(",
        "not student.is_excluded(",
        _tests(_PEOPLE, "test_rows_are_left_out_as_canvas_does"),
    ),
    Mutant(
        "means are of all, whoever is shown",
        "consumer/query/gradebook.py",
        "None if rows.are_all_that_count else",
        "None if True else",
        _tests(_PEOPLE, "test_rows_are_left_out_as_canvas_does"),
    ),
    Mutant(
        "a name moves what stands beside it",
        "consumer/query/gradebook_view.py",
        "Text(isolated(name))",
        "Text(name)",
        _tests(_PEOPLE, "test_long_wide_and_foreign_names_fit"),
    ),
    Mutant(
        "a name is obeyed by the terminal",
        "consumer/query/gradebook_view.py",
        "_cut(printable(student.person.label), room) for",
        "_cut(student.person.label, room) for",
        _tests(_PEOPLE, "test_long_wide_and_foreign_names_fit"),
    ),
    Mutant(
        "a title is a formula",
        "consumer/query/gradebook_csv.py",
        "            return as_text(value)\n",
        "            return value\n",
        _tests("tests/postgres/test_gradebook.py", "test_formulas_of_strangers_are_texts_in_the_csv_and_numbers_stay_numbers"),
    ),
    Mutant(
        "a text is a formula behind a separator",
        "consumer/query/gradebook_csv.py",
        "not (cell or skipped.start() == 0)",
        "not skipped.start() == 0",
        _tests("tests/postgres/test_gradebook.py", "test_a_text_in_the_csv_is_no_formula_to_a_spreadsheet"),
    ),
    Mutant(
        "a result of another student is a regrade",
        f"{_FUNCTIONS}/rollup_moment.sql",
        "               v.valid AND v.here AS counts,\n",
        "               v.valid AS counts,\n",
        _tests(
            "tests/postgres/test_mastery_rules.py",
            "test_a_result_that_is_another_students_now_is_told_as_that_and_not_as_a_regrade",
        ),
    ),
    Mutant(
        "what happens elsewhere is a cause here",
        f"{_FUNCTIONS}/rollup_moment.sql",
        "     WHERE told.counts OR told.counted\n",
        "",
        _tests("tests/postgres/test_mastery_rules.py", "test_what_happens_to_a_result_that_is_elsewhere_now_is_no_cause_here"),
    ),
    Mutant(
        "results of other outcomes are moments of no timeline",
        f"{_FUNCTIONS}/rollup_moment.sql",
        "v.score IS NOT NULL) IS NOT TRUE\n",
        "v.score IS NOT NULL) IS NULL\n",
        _tests(_ROSTER_RULES, "test_a_result_of_another_outcome_after_the_roster_was_read_is_a_moment_of_coming_back"),
    ),
    Mutant(
        "an enrolment is in a timeline by what it is now alone",
        f"{_FUNCTIONS}/rollup_moment.sql",
        "v.root_account_uuid = tenant AND v.id = e.id\n",
        "v.root_account_uuid = tenant AND v.id = e.id AND v.user_id = ANY (ARRAY(SELECT kin.user_id FROM kin))\n",
        _tests(_ROSTER_RULES, "test_an_enrolment_that_is_somebody_elses_now_is_a_moment_of_whoever_had_it"),
    ),
    Mutant(
        "the newest section of an enrolment alone is in a timeline",
        f"{_FUNCTIONS}/rollup_moment.sql",
        "(ARRAY(SELECT enrolled.course_section_id FROM enrolled))",
        "(ARRAY(SELECT DISTINCT ON (enrolled.id) enrolled.course_section_id FROM enrolled "
        "ORDER BY enrolled.id, enrolled.event_time DESC))",
        _tests(_ROSTER_RULES, "test_a_section_that_moved_while_the_enrolment_was_in_it_is_a_moment_of_leaving"),
    ),
    Mutant(
        "an event of a person tells nothing else to a timeline",
        f"{_FUNCTIONS}/mastery_timeline.sql",
        "coalesce(m.table_name = ANY (people), false)",
        "coalesce(m.table_name = ANY (people), true)",
        _tests(_ROSTER_RULES, "test_an_event_of_a_person_that_tells_the_courses_account_too_is_a_moment_of_the_scale"),
    ),
    Mutant(
        "a result by a second name of a person brings no older ones",
        f"{_FUNCTIONS}/mastery_timeline.sql",
        "FROM outcomes_internal.uuids_of_same($1, ARRAY[$3]) u\n",
        "FROM unnest(ARRAY[$3]) u (user_uuid)\n",
        _tests(
            _ROSTER_RULES,
            "test_a_result_by_a_second_name_that_is_anothers_now_brings_the_older_ones_by_it_into_the_timeline",
        ),
    ),
    # -- the server, and what lies before it --
    Mutant(
        "a session has the isolation that the database sets",
        "consumer/store/session.py",
        '    "default_transaction_isolation": "read committed",\n',
        "",
        _tests(
            "tests/postgres/test_ahead.py",
            "test_a_batch_staged_ahead_sees_the_one_before_it_whatever_isolation_the_database_has",
        ),
    ),
    Mutant(
        "a session has the timeouts that the database sets",
        "consumer/store/session.py",
        '    "statement_timeout": "0",\n',
        "",
        _tests(_SERVERS, "test_a_session_has_our_settings_whoever_has_set_others"),
    ),
    Mutant(
        "an old server will do",
        "consumer/store/session.py",
        "if version.major < LEAST_VERSION:",
        "if False:",
        _tests(_SERVERS, "test_a_server_that_is_too_old_is_named_before_it_is_asked_anything"),
    ),
    Mutant(
        "any encoding will do",
        "consumer/store/session.py",
        'if encoding != "UTF8":',
        "if False:",
        _tests(_SERVERS, "test_a_database_without_utf_8_is_refused_by_every_command"),
    ),
    Mutant(
        "a pooler in transaction mode will do",
        "consumer/store/postgres.py",
        "if pooled and await _is_shared(connection, connecting):",
        "if False:",
        _tests(_SERVERS, "test_a_pooler_in_transaction_mode_is_named_by_every_command"),
    ),
    Mutant(
        "a broken protocol is an outage",
        "consumer/store/postgres.py",
        "if any(words in said for words in _AWAY_BEHIND_A_POOLER):",
        "if True:",
        _tests(_WRITING, "test_each_error_of_postgres_has_its_class"),
    ),
    Mutant(
        "a promise of libpq's that is not kept is passed over",
        "consumer/store/address.py",
        "if name in options and options[name].lower() not in harmless:",
        "if False:",
        _tests("tests/unit/test_address.py", "test_what_libpq_would_keep_and_we_cannot_is_named"),
    ),
    Mutant(
        "who may not stage rows finds out late",
        "consumer/store/schema.py",
        'if not row["may"]:',
        "if False:",
        _tests(_SERVERS, "test_a_schema_that_an_administrator_made_is_enough_to_migrate"),
    ),
    Mutant(
        "roles that cannot be made are found out late",
        "consumer/store/schema.py",
        'if missing and not found["may_make_roles"]:',
        "if False:",
        _tests(_SERVERS, "test_roles_that_the_owner_may_not_make_are_asked_for_before_anything_is_made"),
    ),
    Mutant(
        "a misspelt host is a cluster's",
        "consumer/service_variables.py",
        "return not number.is_unspecified and not number.is_loopback",
        "return True",
        _tests(_SETTINGS, "test_a_misspelt_setting_is_none_of_a_services"),
    ),
    Mutant(
        "an unknown service is no service",
        "consumer/store/address.py",
        "    if not services.has_section(name):\n        raise Fatal(",
        "    if not services.has_section(name):\n        return address\n        raise Fatal(",
        _tests("tests/unit/test_address.py", "test_a_service_that_is_nowhere_is_refused"),
    ),
    Mutant(
        "a secret goes unencrypted without a word",
        "consumer/store/address.py",
        'or "prefer") not in _UNENCRYPTED:',
        'or "require") not in _UNENCRYPTED:',
        _tests(_SETTINGS, "test_a_secret_that_goes_unencrypted_over_a_network_is_warned_of"),
    ),
    # -- what a feed, or somebody with a login, cannot do --
    Mutant(
        "values that no model knows have no bound",
        "consumer/ingest/decode.py",
        "            if found > MAX_VALUES:",
        "            if found > 10**9:",
        _tests(_HOSTILE, "test_too_many_values_that_no_model_knows_are_refused"),
    ),
    Mutant(
        "the events of one record share no bound of values",
        "consumer/ingest/decode.py",
        "            if found > self._values_left:",
        "            if found > 10**9:",
        _tests(_HOSTILE, "test_the_events_of_one_record_have_a_bound_together_and_are_understood_alone"),
    ),
    Mutant(
        "a record may have any number of brackets",
        "consumer/ingest/unwrap.py",
        "    if brackets > MAX_BRACKETS:",
        "    if brackets > 10**9:",
        _tests(_HOSTILE, "test_a_record_of_more_brackets_than_events_have_is_refused_unread"),
    ),
    Mutant(
        "a double that may stand for its neighbour is an id",
        "schemas/base.py",
        "if 0 < value < EXACT and",
        "if 0 < value and",
        _tests("tests/unit/test_decode.py", "test_a_refusal_tells_reason_and_path"),
    ),
    Mutant(
        "names that may be somebody's are shown",
        "consumer/printable.py",
        "return PERSONAL if _PERSONAL.search(name) else name",
        "return name",
        _tests("tests/unit/test_decode.py", "test_names_of_events_that_may_be_somebodys_are_counted_as_one"),
    ),
    Mutant(
        "invented event names are all counted apart",
        f"{_SQL}/count_ignored.sql",
        "fresh.number > room.names",
        "false",
        _tests(_BOUNDS, "test_a_feed_that_invents_event_names_does_not_fill_the_table"),
    ),
    Mutant(
        "invented members are all counted apart",
        f"{_SQL}/count_unknown.sql",
        "fresh.number > room.members",
        "false",
        _tests(_BOUNDS, "test_a_feed_that_invents_members_does_not_fill_the_drift_report"),
    ),
    Mutant(
        "a discarded record keeps its bytes",
        f"{_SQL}/quarantine_discard.sql",
        ", raw = ''",
        "",
        _tests(_BOUNDS, "test_the_bytes_of_a_record_go_when_it_is_settled"),
    ),
    Mutant(
        "a retried record keeps its bytes",
        f"{_SQL}/quarantine_retried.sql",
        ", raw = ''",
        "",
        _tests(_BOUNDS, "test_the_bytes_of_a_record_go_when_it_is_settled"),
    ),
    Mutant(
        "a year waits for an advisory lock",
        f"{_FUNCTIONS}/make_version_partitions.sql",
        "EXECUTE format('LOCK TABLE ONLY outcomes.%I IN SHARE UPDATE EXCLUSIVE MODE', parent);",
        "PERFORM pg_advisory_xact_lock(hashtextextended('outcomes.version_partitions', 0));",
        _tests(_BOUNDS, "test_a_year_gets_its_partition_while_a_stranger_holds_every_advisory_lock"),
    ),
    Mutant(
        "the writer may change the schema's version",
        _STEP,
        "GRANT SELECT ON outcomes.alembic_version TO outcomes_writer,",
        "GRANT SELECT, UPDATE ON outcomes.alembic_version TO outcomes_writer,",
        _tests(_BOUNDS, "test_the_writer_has_no_right_that_its_work_does_not_need"),
    ),
    Mutant(
        "what unknown members of results say stays in sight",
        f"{_FUNCTIONS}/keep_unknown_values.sql",
        "    NEW.extra := NULL;\n",
        "",
        _tests(_UNKNOWN, "test_what_unknown_members_of_results_say_is_in_nobodys_sight"),
    ),
    Mutant(
        "what unknown members of retired versions said stays",
        f"{_SQL}/retain_unknown.sql",
        "table_name = $2 AND event_time < $1",
        "table_name = $2 AND event_time < $1 AND false",
        _tests(_UNKNOWN, "test_they_go_with_the_versions_that_are_retired"),
    ),
    # -- what a killed process leaves behind --
    Mutant(
        "a killed command stops a Postgres that others use",
        "consumer/engines/postgres.py",
        "if self.global_process_id_list._get():",
        "if False:",
        _tests(_LEFTOVERS, "test_a_killed_command_leaves_an_embedded_postgres_to_its_other_users_and_else_none"),
    ),
    Mutant(
        "a killed command counts as a user for ever",
        "consumer/engines/postgres.py",
        "living = [pid for pid in listed if _lives(pid)]",
        "living = listed",
        _tests(_LEFTOVERS, "test_a_killed_command_leaves_an_embedded_postgres_to_its_other_users_and_else_none"),
    ),
    Mutant(
        "the children of a killed process live on",
        "consumer/engines/reaper.py",
        "if process.environ().get(MARK) != mark:",
        "if True:",
        _tests(_LEFTOVERS, "test_a_killed_demo_leaves_nothing_but_its_database"),
    ),
    Mutant(
        "a run of tests goes on without its make",
        "consumer/engines/reaper.py",
        "os.kill(self._parent, signal.SIGKILL)",
        "pass",
        _tests(_LEFTOVERS, "test_a_killed_test_run_leaves_nothing_behind"),
    ),
    Mutant(
        "a container is healthy whatever its probe says",
        "consumer/healthcheck.py",
        "answer.status == http.client.OK",
        "True",
        _tests("tests/unit/test_healthcheck.py", "test_the_probe_s_own_words_are_told"),
    ),
    Mutant(
        "a record is searched without an end",
        "consumer/ingest/unwrap.py",
        "if self._values < 0:",
        "if False:",
        _tests("tests/unit/test_wrappers.py", "test_a_search_that_is_not_finished_finds_nothing"),
    ),
    Mutant(
        "texts within texts are searched without an end",
        "consumer/ingest/unwrap.py",
        "if self._characters < 0:",
        "if False:",
        _tests("tests/unit/test_wrappers.py", "test_a_search_that_is_not_finished_finds_nothing"),
    ),
    Mutant(
        "gzip in a record may be a bomb",
        "consumer/ingest/texts.py",
        "if len(unpacked) > MAX_UNPACKED:",
        "if False:",
        _tests("tests/unit/test_wrappers.py", "test_a_search_that_is_not_finished_finds_nothing"),
    ),
    Mutant(
        "an event is searched inside",
        "consumer/ingest/unwrap.py",
        "if not event.certain and (found",
        "if (found",
        _tests("tests/unit/test_wrappers.py", "test_an_event_is_never_searched_inside"),
    ),
    Mutant(
        "a copy of an event is a second one",
        "consumer/ingest/unwrap.py",
        "if here[key] <= known[key]:",
        "if False:",
        _tests("tests/unit/test_wrappers.py", "test_equal_events_of_several_members_are_one_and_those_of_an_array_are_not"),
    ),
    Mutant(
        "a signed event is taken unverified",
        "consumer/ingest/texts.py",
        r"(?<![\w+/.%-]){_RUN}(?![\w+/.%-])",
        r"{_RUN}",
        _tests("tests/unit/test_wrappers.py", "test_a_signed_event_is_never_taken_unverified"),
    ),
    Mutant(
        "a part of an event is dropped",
        "consumer/ingest/unwrap.py",
        "            if inner.broken and not found:\n                at",
        "            if False:\n                at",
        _tests("tests/unit/test_wrappers.py", "test_a_part_of_an_event_beside_whole_ones_is_refused_and_not_dropped"),
    ),
    Mutant(
        "an event is looked for inside of one that is broken",
        "consumer/ingest/texts.py",
        'at = end if first == "{" else start + 1',
        "at = start + 1",
        _tests("tests/unit/test_wrappers.py", "test_an_event_is_never_searched_inside"),
    ),
    Mutant(
        "what is hidden in base64 is believed",
        "consumer/ingest/texts.py",
        'parsed.lenient or "u0000" in text',
        "False",
        _tests("tests/unit/test_wrappers.py", "test_a_value_in_base64_is_looked_at_as_closely_as_any"),
    ),
    Mutant(
        "texts of beginnings are read from each of them",
        "consumer/ingest/texts.py",
        "while left > 0 and (begins",
        "while (begins",
        _tests("tests/unit/test_wrappers.py", "test_a_text_of_beginnings_is_searched_in_time_that_grows_with_its_length"),
    ),
    Mutant(
        "a file without an event is kept",
        "consumer/replay.py",
        "if not understood and batch.events and not _has_event(batch):",
        "if False:",
        _tests("tests/acceptance/test_forms.py", "test_stdin_without_an_event_ends_with_one_too"),
    ),
    Mutant(
        "parts of a container's lines are joined without an end",
        "consumer/ingest/lines.py",
        "self._size + len(part) > self._held and",
        "False and",
        _tests("tests/unit/test_split.py", "test_parts_of_lines_are_joined_to_no_more_than_may_be_held"),
    ),
    Mutant(
        "a row of CSV grows beyond what may be held",
        "consumer/ingest/lines.py",
        "if self._row and self._row_size + len(self._row) + len(line) > self._held:",
        "if False:",
        _tests("tests/unit/test_split.py", "test_a_row_whose_quotes_are_open_takes_no_more_lines_along_than_may_be_held"),
    ),
    Mutant(
        "what is unpacked may have any number of brackets",
        "consumer/ingest/texts.py",
        "    if len(text) > MAX_BRACKETS < text",
        "    if False and MAX_BRACKETS < text",
        _tests(_HOSTILE, "test_a_record_of_more_brackets_than_events_have_is_refused_unread"),
    ),
    Mutant(
        "a refused text keeps all that is around it",
        "consumer/ingest/texts.py",
        "except orjson.JSONDecodeError as error:  # not",
        "except orjson.JSONDecodeError as error:\n        kept = error  # not",
        _tests(_HOSTILE, "test_a_record_of_anything_is_decoded_in_bounded_time_and_memory"),
    ),
    Mutant(
        "a quotation mark takes all that follows along",
        "consumer/ingest/lines.py",
        "        elif self._row_size > MOST_JOINED:",
        "        elif False:",
        _tests("tests/unit/test_split.py", "test_a_quotation_mark_that_is_never_closed_takes_no_more_than_bounded_lines_along"),
    ),
    Mutant(
        "slow records keep the worker from its other tasks",
        _WORKER,
        "if time.monotonic() - turn > TURN_SECONDS:",
        "if False:",
        ("tests/unit/test_worker_turns.py",),
    ),
    Mutant(
        "in one step other than ASCII is read",
        _SHAPE,
        "not raw.isascii() or ",
        "",
        _COMMON,
    ),
    Mutant(
        "in one step escaped characters are read",
        _SHAPE,
        'b"\\\\" in raw or ',
        "",
        _COMMON,
    ),
    Mutant(
        "in one step arrays may be nested without end",
        _SHAPE,
        'b"[" in raw or ',
        "",
        _COMMON,
    ),
    Mutant(
        "in one step objects may be nested without end",
        _SHAPE,
        ' or len(raw) - len(raw.replace(b"{", b"")) != 3',
        "",
        _COMMON,
    ),
    Mutant(
        "in one step the first name counts, wherever it is",
        _SHAPE,
        "metadata.event_name != reader.name or ",
        "",
        _COMMON,
    ),
    Mutant(
        "in one step no tenant is a tenant",
        _SHAPE,
        "not tenant or ",
        "",
        _COMMON,
    ),
    Mutant(
        "in one step a tenant may be long",
        _SHAPE,
        "root_account_uuid: _Text",
        "root_account_uuid: str",
        _COMMON,
    ),
    Mutant(
        "in one step the future is believed",
        _SHAPE,
        " or event_time - now > max_future",
        "",
        _COMMON,
    ),
    Mutant(
        "in one step ids are of any size",
        _SHAPE,
        "Meta(max_length=18)",
        "Meta(max_length=19)",
        _COMMON,
    ),
    Mutant(
        "in one step 0 is an id",
        _SHAPE,
        '"if {0} == 0:"',
        '"if False:"',
        _COMMON,
    ),
    Mutant(
        "in one step an id may have a sign",
        _SHAPE,
        '"{0} = int({0}) if {0}.isdigit() else 0"',
        '"{0} = int({0})"',
        _COMMON,
    ),
    Mutant(
        "in one step numbers are of any size",
        _SHAPE,
        "Annotated[int, Meta(ge=-_LIMIT, le=_LIMIT)] | Annotated[float, Meta(ge=-_LIMIT, le=_LIMIT)]",
        "int | float",
        _COMMON,
    ),
    Mutant(
        "in one step integers are of any size",
        _SHAPE,
        "Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]",
        "int",
        _COMMON,
    ),
    Mutant(
        "in one step what is not stored is of any size",
        _SHAPE,
        "Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]",
        "int",
        _COMMON,
    ),
    Mutant(
        "in one step texts are of any length",
        _SHAPE,
        '"text": _Text,',
        '"text": str,',
        _COMMON,
    ),
    Mutant(
        "in one step unknown members are passed over",
        _SHAPE,
        " forbid_unknown_fields=True,",
        "",
        _COMMON,
    ),
    Mutant(
        "in one step a state may be null",
        _SHAPE,
        'fields.append((column.member, type_, "active"))',
        'fields.append((column.member, type_ | None, "active"))',
        _COMMON,
    ),
    Mutant(
        "in one step a blank uuid is somebody's",
        _SHAPE,
        'f"if {name} is not None and not {name}.strip():  # nobody\'s"',
        'f"if False:"',
        _COMMON,
    ),
    Mutant(
        "in one step all ids are local",
        _SHAPE,
        "    if reader.table.global_ids:",
        "    if False:",
        _COMMON,
    ),
    Mutant(
        "in one step minus zero stays",
        _SHAPE,
        '"{0} += 0.0 ',
        '"{0} = float({0}) ',
        _COMMON,
    ),
    Mutant(
        "in one step whole numbers keep their fraction",
        _SHAPE,
        "int({0}) if {0}.is_integer() else {0}",
        "{0}",
        _COMMON,
    ),
    Mutant(
        "in one step a context of null is kept",
        _SHAPE,
        "if type(value := getattr(metadata, key)) is str",
        "if (value := getattr(metadata, key)) is not UNSET",
        _COMMON,
    ),
    Mutant(
        "in one step a context needs no type",
        _SHAPE,
        "{} if metadata.context_type is UNSET else _known(metadata)",
        "_known(metadata)",
        _COMMON,
    ),
    Mutant(
        "in one step people are read with off",
        _SHAPE,
        " if not reader.table.model.about_people",
        "",
        _COMMON_PEOPLE,
    ),
    Mutant(
        "in one step names are passed over",
        _SHAPE,
        " if not reader.table.dropped",
        "",
        _COMMON_PEOPLE,
    ),
    Mutant(
        "in one step the first day is believed",
        "schemas/base.py",
        " if text > _FIRST_DAY else None",
        "",
        _COMMON,
    ),
    Mutant(
        "in one step an offset of hours is no offset",
        "schemas/base.py",
        'length == 24 and between == "--T::." and text[23] == "Z"',
        'length == 24 and between == "--T::."',
        _COMMON,
    ),
    Mutant(
        "names are written whatever the setting",
        _DECODE,
        'if self._rules.people == "names" and table.dropped else None',
        "if table.dropped else None",
        (*_tests(_NAMES_DECODED, "test_with_ids_no_value_of_a_name_or_unknown_member_is_kept"), *_NO_NAME),
    ),
    Mutant(
        "what unknown members of people say is kept whatever the setting",
        _DECODE,
        'if extra and self._rules.people != "names" and table.model.about_people:',
        "if False:",
        (*_tests(_NAMES_DECODED, "test_with_ids_no_value_of_a_name_or_unknown_member_is_kept"), *_NO_NAME),
    ),
    Mutant(
        "off stores people all the same",
        _DECODE,
        'if self._rules.people == "off" and table is not None and table.model.about_people:',
        "if False:",
        _tests(_NAMES_DECODED, "test_off_ignores_every_event_about_people_and_counts_it_by_name"),
    ),
    Mutant(
        "a sortable name tells one version from another",
        "consumer/ingest/tables.py",
        "replace(table, model=model, dropped=dropped, snapshot=True,",
        "replace(table, model=model, snapshot=True,",
        _tests(_NAMES_DECODED, "test_names_tell_no_version_from_another"),
    ),
    Mutant(
        "without unknown members the hash is another one",
        _DECODE,
        "        hash_ = version_hash(name, canonical_body(table, members, extra))\n",
        '        kept = extra if self._rules.people == "names" or not table.model.about_people else {}\n'
        "        hash_ = version_hash(name, canonical_body(table, members, kept))\n",
        _tests(_NAMES_DECODED, "test_a_version_is_the_same_with_names_and_without"),
    ),
    Mutant(
        "only new versions bring their names",
        _WRITER,
        "                await write_names(self._connection, divided.accepted)\n",
        "                await write_names(self._connection, divided.accepted if added else ())\n",
        _tests(_NAMES, "test_the_newest_name_is_held_and_known_versions_bring_it_too"),
    ),
    Mutant(
        "a retried record brings no name",
        _WRITER,
        "        await write_names(self._connection, accepted)\n        return counts",
        "        return counts",
        _tests(_NAMES, "test_a_record_that_is_retried_brings_its_name"),
    ),
    Mutant(
        "the name that comes last is held",
        f"{_FUNCTIONS}/newer_names.sql",
        "THEN one ELSE other END",
        "THEN coalesce(other, one) ELSE other END",
        _tests(_NAMES, "test_the_newest_name_is_held_and_known_versions_bring_it_too", _ANY_ORDER),
    ),
    Mutant(
        "of two names at one moment any is held",
        f"{_FUNCTIONS}/newer_names.sql",
        """((one ->> 'event_time') COLLATE "C", one::text COLLATE "C")
                                   >= ((other ->> 'event_time') COLLATE "C", other::text COLLATE "C")""",
        "(one ->> 'event_time') >= (other ->> 'event_time')",
        _tests(_NAMES, _ANY_ORDER),
    ),
    Mutant(
        "of two names in one batch any is held",
        f"{_SQL}/write_names.sql",
        """ORDER BY (telling ->> 'event_time') COLLATE "C" DESC, telling::text COLLATE "C" DESC)
               FILTER (WHERE NOT rest)""",
        "ORDER BY NULL) FILTER (WHERE NOT rest)",
        _tests(_NAMES, _ANY_ORDER),
    ),
    Mutant(
        "REST is believed where an event is newer",
        f"{_FUNCTIONS}/newest_names.sql",
        """(by_rest ->> 'event_time') COLLATE "C" > (by_event""",
        """(by_rest ->> 'event_time') COLLATE "C" >= (by_event""",
        _tests(_NAMES, "test_at_one_moment_the_event_is_believed"),
    ),
    Mutant(
        "a worker leaves the names there",
        _WORKER,
        '            await self._outages.patiently(lambda: self._store.remove_names(self._settings.people), "postgres")\n',
        "",
        _tests(_PERSONAL, "test_with_ids_no_name_is_anywhere"),
    ),
    Mutant(
        "a replay leaves the names there",
        "consumer/replay.py",
        "            await self._retry.patiently(lambda: self._store.remove_names(self._rules.people))\n",
        "",
        _tests(_PERSONAL, "test_with_names_they_are_in_their_tables_alone_and_go_with_the_setting"),
    ),
    Mutant(
        "a backfill leaves the names there",
        "consumer/canvas/backfill.py",
        "                await self.retry.patiently(lambda: self.store.remove_names(self.settings.people))\n",
        "                pass\n",
        _tests("tests/canvas/test_backfill_names.py", "test_only_what_writes_takes_names_out"),
    ),
    Mutant(
        "a comparison takes the names out",
        "consumer/canvas/backfill.py",
        "            if task.writing:\n                await self.retry.patiently(lambda: self.store.remove_names",
        "            if True:\n                await self.retry.patiently(lambda: self.store.remove_names",
        _tests("tests/canvas/test_backfill_names.py", "test_only_what_writes_takes_names_out"),
    ),
    Mutant(
        "a retry of quarantine leaves the names there",
        "consumer/store/quarantine.py",
        "    await writer.remove_names(rules.people)\n",
        "",
        _tests(_NAMES, "test_a_retry_of_quarantine_takes_them_out_before_it_begins"),
    ),
    Mutant(
        "a dry run takes the names out",
        "consumer/store/dry_run.py",
        '        """Not in a dry run."""\n',
        "        await super().remove_names(people)\n",
        _tests(_NAMES, "test_a_dry_run_brings_no_name_and_takes_none_out"),
    ),
    Mutant(
        "names that come after the start stay",
        "consumer/worker/housekeeping.py",
        "if time.monotonic() - self.names_removed > NAMES_SECONDS:",
        "if False:",
        _tests(_NAMES, "test_a_worker_takes_out_what_another_process_wrote_meanwhile"),
    ),
    Mutant(
        "names are taken out whatever the setting",
        "consumer/store/person_names.py",
        'if people != "names" and (',
        "if (",
        _tests(_NAMES, "test_another_setting_takes_the_names_out_and_says_how_many"),
    ),
    # -- the intake --
    Mutant("any algorithm signs", _GATES, 'header.get("alg") != "RS256" or ', "", _FORGED),
    Mutant("critical extensions are passed over", _GATES, ' or "crit" in header', "", _FORGED),
    Mutant("anybody issues", _GATES, 'if claims.get("iss") != self._issuer:', "if False:", _FORGED),
    Mutant("tokens never expire", _GATES, "if now > until + LEEWAY_SECONDS:", "if False:", _FORGED),
    Mutant("tokens are valid too early", _GATES, "if now < since - LEEWAY_SECONDS", "if False", _FORGED),
    Mutant(
        "signatures are not looked at",
        _GATES,
        "            key.verify(_decoded(signature), signed, _PADDING, _HASH)\n",
        "            pass\n",
        _FORGED,
    ),
    Mutant(
        "any secret opens",
        _GATES,
        'hmac.compare_digest(self.secret, secret or b"")',
        "secret is not None",
        _tests(_DELIVERED, "test_the_secret_opens_and_nothing_else"),
    ),
    Mutant(
        "keys are fetched for every unknown name",
        _KEYS,
        "self._clock() - self._fetched_at >= pause:",
        "True:",
        _tests(_DELIVERED, "test_unknown_keys_do_not_make_us_ask_canvas_all_the_time"),
    ),
    Mutant(
        "new keys are never fetched",
        _KEYS,
        "            await self.look_again()\n",
        "            pass\n",
        _tests(_DELIVERED, "test_keys_rotate_under_load"),
    ),
    Mutant(
        "an unknown key is Canvas' fault never",
        _KEYS,
        "if kid not in self._keys and not self._answered:",
        "if False:",
        _tests(_DELIVERED, "test_keys_that_cannot_be_fetched_keep_those_of_yesterday"),
    ),
    Mutant(
        "keys are forgotten with the process",
        _KEYS,
        "            self._keys = keys_of(kept.read_bytes())\n",
        "            pass\n",
        _tests(_DELIVERED, "test_keys_that_cannot_be_fetched_keep_those_of_yesterday"),
    ),
    Mutant(
        "an event is answered before it is kept",
        _HTTPS,
        "        except Transient:\n            return _AWAY\n",
        "        except Transient:\n            return None\n",
        _tests(_DELIVERED, "test_without_a_spool_an_outage_is_503"),
    ),
    Mutant(
        "what no topic takes is spooled",
        _KEEPING,
        "                if isinstance(error, RecordTooLarge):\n                    raise\n",
        "",
        _tests(_DELIVERED, "test_bodies_of_one_megabyte_are_taken_and_larger_ones_refused"),
    ),
    Mutant(
        "bodies without a length have no bound",
        _HTTPS,
        "            if size > MAX_BODY:\n                return _TOO_LARGE\n",
        "",
        _tests(_DELIVERED, "test_bodies_of_one_megabyte_are_taken_and_larger_ones_refused"),
    ),
    Mutant(
        "any number of requests is in flight",
        _HTTPS,
        "if self._requests > MOST_IN_FLIGHT or not",
        "if not",
        _tests(_DELIVERED, "test_too_much_in_flight_is_sent_away"),
    ),
    Mutant(
        "any number of bytes is in flight",
        _HTTPS,
        "if self._bytes + size > MOST_BYTES_IN_FLIGHT:",
        "if False:",
        _tests(_DELIVERED, "test_too_much_in_flight_is_sent_away"),
    ),
    Mutant(
        "the bytes in flight only grow",
        _HTTPS,
        "            self._bytes -= taken.bytes\n",
        "",
        _tests(_DELIVERED, "test_too_much_in_flight_is_sent_away"),
    ),
    Mutant(
        "new events overtake the spool",
        _KEEPING,
        "(self._away_since is None and not spool.events)",
        "self._away_since is None",
        _tests(_KEPT, "test_events_that_come_while_the_spool_drains_wait_their_turn"),
    ),
    Mutant(
        "a record that no topic takes blocks the spool",
        _KEEPING,
        "        except RecordTooLarge as error:\n            assert",
        "        except ZeroDivisionError as error:\n            assert",
        _tests(_KEPT, "test_a_record_that_no_topic_takes_does_not_block_the_rest"),
    ),
    Mutant(
        "the spool is forgotten before the topic has it",
        _KEEPING,
        "                continue\n            if spool",
        "            if spool",
        _tests(_KEPT, "test_an_outage_of_an_hour_costs_no_event"),
    ),
    Mutant(
        "the spool has no bound",
        _SPOOL,
        "if self.bytes + len(data) > self._most_bytes:",
        "if False:",
        _tests(_KEPT, "test_the_bound_holds_over_many_files"),
    ),
    Mutant(
        "the spool does not wait for its disk",
        _SPOOL,
        "        os.fdatasync(descriptor)\n",
        "",
        _tests(_KEPT, "test_a_disk_that_takes_nothing_is_503"),
    ),
    Mutant(
        "broken records of the spool are sent",
        _SPOOL,
        "if len(payload) != length or zlib.crc32(payload) != crc:",
        "if len(payload) != length:",
        _tests(_KEPT, "test_what_was_cut_in_the_middle_is_cut_off"),
    ),
    Mutant(
        "two intakes share a spool",
        _SPOOL,
        "                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "                pass\n",
        _tests(_KEPT, "test_a_folder_belongs_to_one_process"),
    ),
    Mutant(
        "who has given up is written too",
        "consumer/intake/grouping.py",
        "if not one[1].done()]",
        "]",
        _tests(_OUTLETS, "test_who_gave_up_is_not_written_with_the_rest"),
    ),
    Mutant(
        "a lost race is called success",
        "consumer/intake/direct.py",
        "            except LostPartition:\n                continue\n",
        "            except LostPartition:\n                return\n",
        _tests(_OUTLETS, "test_two_processes_share_the_source", "test_losing_every_race_is_not_success"),
    ),
    Mutant(
        "personal metadata reach the topic",
        "consumer/intake/events.py",
        "if name in KEPT_METADATA}",
        "if name}",
        _tests("tests/unit/test_intake_events.py", "test_signature_dialect_and_personal_metadata_are_gone"),
    ),
    Mutant(
        "what was written is counted for every tenant with such an id",
        _WRITER,
        " and one.key.root_account_uuid == tenant",
        "",
        _tests(_WRITING, "test_what_was_written_is_counted_for_its_tenant"),
    ),
    Mutant(
        "an index that a kill left is kept",
        _ORDERED,
        "CASE WHEN NOT indisvalid THEN",
        "CASE WHEN false THEN",
        _REORDERED,
    ),
    Mutant(
        "the step does not look for partitions that were made meanwhile",
        _ORDERED.replace(".before", ""),
        "    IF EXISTS (SELECT\n",
        "    IF false AND EXISTS (SELECT\n",
        _REORDERED,
    ),
    # -- several processes --
    Mutant(
        "a process that keeps dying is started for ever",
        _PROCESSES,
        "        if deaths > MOST_DEATHS:\n",
        "        if False:\n",
        _tests(_FAMILY, "test_who_dies_again_and_again_ends_all"),
    ),
    Mutant(
        "each death of a process counts for ever",
        _PROCESSES,
        "deaths + 1 if time.monotonic() - begun < HEALTHY_SECONDS else 1",
        "deaths + 1",
        _tests(_FAMILY, "test_who_lived_for_long_may_die_again"),
    ),
    Mutant(
        "one process that cannot go on leaves the others at work",
        _PROCESSES,
        "            self.stop()  # also the others of one that has failed\n",
        "",
        _tests(_FAMILY, "test_the_first_error_that_waiting_does_not_mend_ends_all"),
    ),
    Mutant(
        "a process that has printed why it cannot go on is started again",
        _PROCESSES,
        "if code == CANNOT_GO_ON:",
        "if False:",
        _tests(_FAMILY, "test_the_first_error_that_waiting_does_not_mend_ends_all"),
    ),
    Mutant(
        "a process that somebody has ended is not started again",
        _PROCESSES,
        "if self._until_end and len(member.ends) > ends:",
        "if len(member.ends) > ends:",
        _tests(_FAMILY, "test_who_dies_is_started_again_while_the_others_go_on"),
    ),
    Mutant(
        "a process that says nothing is waited for",
        _PROCESSES,
        "                silent += 1\n",
        "                pass\n",
        _tests(_FAMILY, "test_who_is_stuck_is_killed_and_started_again"),
    ),
    Mutant(
        "a process whose loops stand still is left alone",
        _PROCESSES,
        "silent, turns = 0, member.take(line)",
        "silent, turns = 0, member.take(line) or True",
        _tests(_FAMILY, "test_who_is_stuck_is_killed_and_started_again"),
    ),
    Mutant(
        "a stop does not reach who is just being started",
        _PROCESSES,
        "        if self._stopping.is_set():\n            member.send(signal.SIGTERM)\n",
        "",
        _tests(_FAMILY, "test_a_stop_reaches_who_is_just_being_started"),
    ),
    Mutant(
        "half of a report is taken for one",
        _PROCESSES,
        'if not line.endswith(b"\\n"):',
        "if not line:",
        _tests(_FAMILY, "test_with_until_end_each_ends_by_itself_and_the_books_are_added_up"),
    ),
    Mutant(
        "what a dead process said last is still shown",
        _PROCESSES,
        "            member.forget()\n",
        "",
        _tests(_FAMILY, "test_who_has_died_is_not_ready_and_shows_no_metrics"),
    ),
    Mutant(
        "processes work on without their parent",
        _PROCESSES,
        "        stop()\n\n    tasks",
        "\n    tasks",
        _tests(_KILLED, "test_processes_whose_parent_is_killed_end_and_the_next_parent_reads_on"),
    ),
    Mutant(
        "a second signal ends the parent alone",
        "consumer/app.py",
        "            at_once()\n",
        "",
        _tests(_KILLED, "test_a_second_signal_ends_all_processes_at_once"),
    ),
    Mutant(
        "all processes are one member of the group",
        "consumer/app.py",
        'f"{name}-{number}"',
        "name",
        _tests(_KILLED, "test_a_process_that_is_killed_is_started_again_and_nothing_is_lost_or_doubled"),
    ),
    Mutant(
        "two signals end a process of several at once",
        "consumer/app.py",
        "add_signal_handler(ending, worker.stop)",
        "add_signal_handler(ending, lambda: (worker.stop(), asyncio.get_running_loop().add_signal_handler(15, os._exit, 1)))",
        _tests(_KILLED, "test_a_process_that_is_killed_is_started_again_and_nothing_is_lost_or_doubled"),
    ),
    Mutant(
        "messages are deleted before they are stored",
        _RECEIVING,
        "            while waiting:\n",
        "            await self._queue.delete(list(messages))\n            while waiting:\n",
        _tests(_RECEIVED, "test_what_is_stored_is_deleted_and_nothing_before"),
    ),
    Mutant(
        "poison is deleted",
        _RECEIVING,
        "            return False  # it stays",
        "            return True  # it stays",
        _tests(_RECEIVED, "test_poison_goes_to_the_dead_letters_and_harms_no_other"),
    ),
    Mutant(
        "one message ends the intake by a bug",
        _RECEIVING,
        "        except Exception as error:  # a bug too",
        "        except (NoEvent, RecordTooLarge) as error:  # a bug too",
        _tests(_RECEIVED, "test_a_bug_of_ours_ends_nothing"),
    ),
    Mutant(
        "what cannot be stored stays hidden",
        _RECEIVING,
        "        await self._tell(lambda these: self._queue.hide(these, 0), messages)\n",
        "",
        _tests(_RECEIVED, "test_what_cannot_be_stored_is_given_back_at_once_and_asked_for_no_more"),
    ),
    Mutant(
        "messages are asked for while nothing can be stored",
        _RECEIVING,
        "if self._keeper.waiting_for is None:",
        "if True:",
        _tests(_RECEIVED, "test_what_cannot_be_stored_is_given_back_at_once_and_asked_for_no_more"),
    ),
    Mutant(
        "slow messages appear again",
        _RECEIVING,
        "hide(these, self._hidden_seconds)",
        "hide([], self._hidden_seconds)",
        _tests(_RECEIVED, "test_messages_that_take_long_are_hidden_again"),
    ),
    Mutant(
        "any number of bytes is asked for",
        _RECEIVING,
        "min(MOST_MESSAGES, self._free // self._largest)",
        "MOST_MESSAGES",
        _tests(_RECEIVED, "test_large_messages_are_asked_for_one_by_one"),
    ),
    Mutant(
        "a stopping intake gives nothing back",
        _RECEIVING,
        "            await self._give_back(list(waiting.values()))\n",
        "",
        _tests(_RECEIVED, "test_what_a_stopped_intake_could_not_store_is_given_back"),
    ),
    Mutant(
        "a stopped intake that waited for room asks once more",
        _RECEIVING,
        "            if self._stopped.is_set():  # while",
        "            if False:  # while",
        _tests(_RECEIVED, "test_an_intake_that_is_stopped_while_it_waits_for_room_asks_for_no_more"),
    ),
    Mutant(
        "a queue that fails ends the intake",
        _RECEIVING,
        "                pause = await self._wait_out(error, pause)\n            finally:",
        "                raise\n            finally:",
        _tests(_RECEIVED, "test_a_queue_that_goes_away_is_waited_for"),
    ),
    # -- the doctor --
    Mutant(
        "a queue that loses events is healthy",
        "consumer/doctor/inlet.py",
        "    if risks:",
        "    if False:",
        _tests(_DOCTOR, "test_a_queue_that_loses_events_is_found"),
    ),
    Mutant(
        "a check that cannot be made passes",
        "consumer/doctor/examining.py",
        'check.state in ("attention", "unknown")',
        'check.state in ("attention",)',
        _tests(_DOCTOR, "test_a_database_that_is_away_is_said_and_no_check_passes"),
    ),
    Mutant(
        "a made-up event stays in the books",
        "consumer/store/trial.py",
        """                await connection.execute(sql("trial_books"), source, partition, events, TIME)\n""",
        "",
        _tests(_DOCTOR, "test_a_made_up_event_without_kafka_goes_through_the_intake_into_the_database"),
    ),
    Mutant(
        "a made-up event is not counted as ignored",
        "consumer/store/trial.py",
        """                await connection.execute(sql("trial_ignored"), source, partition, events)\n""",
        "",
        _tests(_DOCTOR, "test_a_made_up_event_without_kafka_goes_through_the_intake_into_the_database"),
    ),
    Mutant(
        "a made-up event is sent that cannot be taken out",
        "consumer/doctor/trial.py",
        "if not await trial.may_take_out(connection):",
        "if False:",
        _tests(_DOCTOR, "test_a_made_up_event_without_kafka_goes_through_the_intake_into_the_database"),
    ),
    Mutant(
        "what came late of a made-up event stays",
        "consumer/doctor/trial.py",
        "    await trial.take_out(connection)  # of a trial",
        "    # of a trial",
        _tests(_DOCTOR, "test_a_made_up_event_that_nobody_reads_is_found_and_taken_out_when_it_comes"),
    ),
    Mutant(
        "any hour is expected to bring something",
        _RHYTHM,
        "sum(week in spoke for week in weeks) < MOST * len(weeks)",
        "False",
        _tests(
            _FEED,
            "test_an_hour_is_expected_to_bring_something_by_the_feeds_own_past",
            "test_silence_is_missed_only_at_hours_at_which_the_feed_speaks_as_a_rule",
        ),
    ),
    Mutant(
        "two weeks are a rhythm",
        _RHYTHM,
        "len(weeks) < LEAST_WEEKS or",
        "not weeks or",
        _tests(_FEED, "test_an_hour_is_expected_to_bring_something_by_the_feeds_own_past"),
    ),
    Mutant(
        "holidays of a year ago are forgotten",
        _RHYTHM,
        "    return not year_ago or any(week in spoke for week in year_ago)",
        "    return True",
        _tests(
            _FEED,
            "test_an_hour_is_expected_to_bring_something_by_the_feeds_own_past",
            "test_silence_is_missed_only_at_hours_at_which_the_feed_speaks_as_a_rule",
        ),
    ),
    Mutant(
        "a lag that nobody knows is none",
        "consumer/doctor/feed.py",
        "    if silent := len(positions) - len(known):",
        "    if False:",
        _tests(_FEED, "test_workers_that_do_not_keep_up_are_found"),
    ),
    Mutant(
        "quarantine that may not be read is empty",
        "consumer/doctor/feed.py",
        "    if found.quarantine is None:\n",
        "    if not found.quarantine:\n        return ok('quarantine', '')\n    if False:\n",
        _tests(_FEED, "test_quarantine_that_a_login_may_not_read_is_not_called_empty"),
    ),
    Mutant(
        "a compacted topic is healthy",
        "consumer/doctor/stream.py",
        """if "compact" in found["cleanup.policy"]:""",
        "if False:",
        _tests(_DOCTOR, "test_faults_of_the_topic_are_found"),
    ),
    Mutant(
        "any retention will do",
        "consumer/doctor/stream.py",
        "milliseconds < LEAST_RETENTION_SECONDS * 1000",
        "False",
        _tests(_DOCTOR, "test_faults_of_the_topic_are_found"),
    ),
    Mutant(
        "a role that has lost its rights is healthy",
        "consumer/doctor/base.py",
        "    if lost := await schema.missing_grants(connection):",
        "    if lost := server.missing_roles:",
        _tests(_DOCTOR, "test_rights_that_a_role_has_lost_are_found_and_migrate_grants_them_again"),
    ),
    Mutant(
        "a migration that is up to date grants nothing again",
        "consumer/store/schema.py",
        "not await differing(lock) and not await missing_grants(lock):",
        "not await differing(lock):",
        _tests(_DOCTOR, "test_rights_that_a_role_has_lost_are_found_and_migrate_grants_them_again"),
    ),
    Mutant(
        "a made-up event is news of the feed",
        "consumer/store/sql/trial_books.sql",
        "last_event_time = nullif(last_event_time, $4)",
        "last_event_time = greatest(last_event_time, $4)",
        _tests(_DOCTOR, "test_a_made_up_event_without_kafka_goes_through_the_intake_into_the_database"),
    ),
    Mutant(
        "silence of a young feed is usual",
        "consumer/doctor/feed.py",
        "if one.weeks < LEAST_WEEKS and",
        "if one.weeks < 0 and",
        _tests(_FEED, "test_a_silence_that_cannot_be_judged_is_not_called_usual"),
    ),
    Mutant(
        "silence of months is usual where the past tells nothing",
        "consumer/doctor/feed.py",
        " or now - one.since > MOST_SILENCE]",
        "]",
        _tests(_FEED, "test_a_silence_that_cannot_be_judged_is_not_called_usual"),
    ),
    Mutant(
        "dead letters are healthy",
        "consumer/doctor/inlet.py",
        "for name, count in dead.items() if count",
        "for name, count in dead.items() if not count and name == ''",
        _tests(_DOCTOR, "test_a_queue_that_loses_events_is_found"),
    ),
    Mutant(
        "doctor makes a database to look at",
        "consumer/commands/doctor.py",
        """    if settings.database_url is None and not (settings.data_folder / "postgres").exists():""",
        "    if False:",
        _tests(_DOCTOR, "test_without_an_address_no_database_is_made"),
    ),
    Mutant(
        "a wrong secret is tried until the time is over",
        "consumer/sources/delivering.py",
        "secret is not None or time.monotonic()",
        "time.monotonic()",
        _tests(_DOCTOR, "test_a_running_intake_is_asked_and_deliveries_need_its_secret"),
    ),
    Mutant(
        "a login that cannot write is healthy",
        "consumer/doctor/base.py",
        "    if not server.writes:",
        "    if False:",
        _tests(_DOCTOR, "test_faults_of_the_database_are_found"),
    ),
    Mutant(
        "a clock that is behind is right",
        "consumer/doctor/base.py",
        "if abs(skew) >",
        "if skew >",
        _tests(_DOCTOR, "test_faults_of_the_database_are_found"),
    ),
    # -- captured files --
    Mutant(
        "a whole file that the manifest does not name is captured again",
        _ARCHIVE,
        "                self._add(name)\n",
        "                self._last += 1\n",
        _tests(_CAPTURED, "test_a_kill_at_any_step_loses_and_doubles_nothing"),
    ),
    Mutant(
        "a manifest line that was cut stops the capture",
        _STORAGE,
        'text[: text.rfind(b"\\n") + 1]',
        "text",
        _tests(_CAPTURED, "test_a_kill_at_any_step_loses_and_doubles_nothing"),
    ),
    Mutant(
        "the capture begins again at the topic's start",
        _ARCHIVE,
        "        self.positions |= {partition: behind for partition, (_, behind) in ranges.items()}\n",
        "",
        _tests(_CAPTURED, "test_a_kill_at_any_step_loses_and_doubles_nothing"),
    ),
    Mutant(
        "two captures write to one folder",
        _STORAGE,
        "                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "                pass\n",
        _tests("tests/unit/test_archive.py", "test_a_folder_belongs_to_one_process"),
    ),
    Mutant(
        "deleted records are passed over by a capture",
        "consumer/sources/tailing.py",
        'if self._settings.on_gap == "stop":',
        "if False:",
        _tests(_CAPTURED, "test_records_that_kafka_has_deleted_are_said"),
    ),
    Mutant(
        "a captured file replaces that of another capture",
        _OBJECTS,
        'file, mode="create")',
        'file, mode="overwrite")',
        _tests(_STORED, "test_of_two_captures_the_second_to_write_ends"),
    ),
    Mutant(
        "two captures note their files in turn",
        _OBJECTS,
        "text, mode=self._version)",
        'text, mode="overwrite")',
        _tests(_STORED, "test_of_two_captures_the_second_to_write_ends"),
    ),
    Mutant(
        "a lost answer of the store is another capture",
        _OBJECTS,
        "if stored.read() != file.read():",
        "if True:",
        _tests(_STORED, "test_an_answer_that_was_lost_between_is_no_other_capture"),
    ),
    Mutant(
        "a lost answer about the manifest is another capture",
        _OBJECTS,
        "if bytes(found.bytes()) != text:",
        "if True:",
        _tests(_STORED, "test_an_answer_that_was_lost_between_is_no_other_capture"),
    ),
    Mutant(
        "records of a capture that was overtaken are there twice",
        _ARCHIVE,
        "if any(first < self.positions.get(partition, 0) for partition, (first, _) in ranges.items()):",
        "if False:",
        _tests(_STORED, "test_of_two_captures_the_second_to_write_ends"),
    ),
    Mutant(
        "an object store that is away ends the capture",
        "consumer/capture.py",
        "            except Transient as error:\n                system",
        "            except ConnectionError as error:\n                system",
        _tests(_CAPTURED, "test_what_is_away_is_waited_for"),
    ),
    Mutant(
        "messages are held while there is no room for the next",
        _RECEIVING,
        "                messages.clear()  # not held while it waits for room\n",
        "",
        _tests(_RECEIVED, "test_messages_that_are_stored_are_held_no_more"),
    ),
    Mutant(
        "an intake that cannot store is healthy",
        "consumer/doctor/inlet.py",
        "    if status != 200:",
        "    if False:",
        _tests(_DOCTOR, "test_an_intake_that_cannot_store_is_said_and_a_worker_is_none"),
    ),
    Mutant(
        "doctor migrates an embedded database",
        "consumer/commands/doctor.py",
        "say, migrate=False)",
        "say)",
        _tests("tests/acceptance/test_embedded.py", "test_an_embedded_postgres_runs_in_any_folder"),
    ),
    Mutant(
        "a process that hangs while it exits is waited for",
        "consumer/worker/processes.py",
        "            if not ending.done():\n",
        "            if False:\n",
        _tests("tests/unit/test_processes.py", "test_who_hangs_while_it_exits_is_killed"),
    ),
    Mutant(
        "who stays unknown delivers for ever",
        "consumer/sources/delivering.py",
        "secret is not None or time.monotonic() > key_is_known",
        "secret is not None",
        _tests("tests/intake/test_delivering.py", "test_who_stays_unknown_is_told_so"),
    ),
    Mutant(
        "a queue that can store hides one that cannot",
        "consumer/intake/keeping.py",
        "metrics.paused.labels(came_in)",
        'metrics.paused.labels("https")',
        _tests(_KEPT, "test_each_queue_says_whether_its_outlet_is_away"),
    ),
    Mutant(
        "what is written of kind result leaves no mark",
        _MARKS,
        "    WHEN 'result' THEN\n",
        "    WHEN 'result' THEN\n        RETURN NULL;\n",
        _EACH_KIND,
    ),
    Mutant(
        "what is written of kind course leaves no mark",
        _MARKS,
        "    WHEN 'course' THEN\n",
        "    WHEN 'course' THEN\n        RETURN NULL;\n",
        _EACH_KIND,
    ),
    Mutant(
        "what is written of kind of_course leaves no mark",
        _MARKS,
        "    WHEN 'of_course' THEN\n",
        "    WHEN 'of_course' THEN\n        RETURN NULL;\n",
        _EACH_KIND,
    ),
    Mutant(
        "what is written of kind section leaves no mark",
        _MARKS,
        "    WHEN 'section' THEN\n",
        "    WHEN 'section' THEN\n        RETURN NULL;\n",
        _EACH_KIND,
    ),
    Mutant(
        "what is written of kind enrollment leaves no mark",
        _MARKS,
        "    WHEN 'enrollment' THEN\n",
        "    WHEN 'enrollment' THEN\n        RETURN NULL;\n",
        _EACH_KIND,
    ),
    Mutant(
        "what is written of kind identity leaves no mark",
        _MARKS,
        "    WHEN 'identity' THEN\n",
        "    WHEN 'identity' THEN\n        RETURN NULL;\n",
        _EACH_KIND,
    ),
    Mutant(
        "what is written of kind link leaves no mark",
        _MARKS,
        "    WHEN 'link' THEN\n",
        "    WHEN 'link' THEN\n        RETURN NULL;\n",
        _EACH_KIND,
    ),
    Mutant(
        "what is written of kind submission leaves no mark",
        _MARKS,
        "    WHEN 'submission' THEN\n",
        "    WHEN 'submission' THEN\n        RETURN NULL;\n",
        _EACH_KIND,
    ),
    Mutant(
        "what is written of kind assessment leaves no mark",
        _MARKS,
        "    WHEN 'assessment', 'outcome', 'user' THEN\n",
        "    WHEN 'assessment', 'outcome', 'user' THEN\n        IF TG_ARGV[0] = 'assessment' THEN RETURN NULL; END IF;\n",
        _EACH_KIND,
    ),
    Mutant(
        "what is written of kind outcome leaves no mark",
        _MARKS,
        "    WHEN 'assessment', 'outcome', 'user' THEN\n",
        "    WHEN 'assessment', 'outcome', 'user' THEN\n        IF TG_ARGV[0] = 'outcome' THEN RETURN NULL; END IF;\n",
        _EACH_KIND,
    ),
    Mutant(
        "what is written of kind user leaves no mark",
        _MARKS,
        "    WHEN 'assessment', 'outcome', 'user' THEN\n",
        "    WHEN 'assessment', 'outcome', 'user' THEN\n        IF TG_ARGV[0] = 'user' THEN RETURN NULL; END IF;\n",
        _EACH_KIND,
    ),
    Mutant(
        "a setting leaves no mark",
        _MARKS,
        "    WHEN 'setting' THEN\n",
        "    WHEN 'setting' THEN\n        RETURN NULL;\n",
        _EACH_KIND,
    ),
    Mutant(
        "an enrolment marks no other course that told it",
        _MARKS,
        "('enrollment', w.id),",
        "('enrollment', NULL),",
        _EACH_KIND,
    ),
    Mutant(
        "an enrolment marks no course of its section",
        _MARKS,
        "('section', w.course_section_id),",
        "('section', NULL),",
        _EACH_KIND,
    ),
    Mutant(
        "an enrolment marks no other course of its user",
        _MARKS,
        "('enrolled', w.user_id)",
        "('enrolled', NULL)",
        _EACH_KIND,
    ),
    Mutant(
        "a link marks no course that it was in",
        _MARKS,
        "('link', w.id)",
        "('link', NULL)",
        _EACH_KIND,
    ),
    Mutant(
        "a table that is emptied leaves no mark",
        _MARKS,
        "IF TG_OP = 'TRUNCATE' THEN\n",
        "IF TG_OP = 'TRUNCATE' THEN\n        RETURN NULL;\n",
        _EACH_KIND,
    ),
    Mutant(
        "what a row was before leaves no mark",
        f"{_FUNCTIONS}/mark_writes_of.sql",
        "('replaced', 'UPDATE|REFERENCING OLD TABLE AS written'),\n",
        "\n",
        _EACH_KIND,
    ),
    Mutant(
        "what is removed by hand leaves no mark",
        f"{_FUNCTIONS}/mark_writes_of.sql",
        "('removed', 'DELETE|REFERENCING OLD TABLE AS written'), ",
        "",
        _EACH_KIND,
    ),
    Mutant(
        "other functions leave kept summaries as they are",
        _STALE,
        "computed_with.code IS DISTINCT FROM outcomes_internal.summary_code()",
        "computed_with.code IS NULL",
        _EACH_KIND,
    ),
    Mutant(
        "a course that requests alone place is not looked at",
        _STALE,
        "(c.hinted OR settings_in_doubt)",
        "settings_in_doubt",
        _EACH_KIND,
    ),
    Mutant(
        "the root account that requests tell is not looked at",
        _STALE,
        "c.root_account_uuid = tenant AND c.computed AND (c.hinted OR settings_in_doubt)",
        "c.root_account_uuid = tenant AND c.computed AND NOT c.hinted AND settings_in_doubt",
        _tests(_SUMMARIES, "test_what_only_requests_tell_of_the_root_account_counts_at_once"),
    ),
    Mutant(
        "enrolments elsewhere of who is gone are forgotten",
        _SOURCES,
        "SELECT 'enrolled', known.id\n      FROM known\n     WHERE EXISTS",
        "SELECT 'enrolled', known.id\n      FROM known\n     WHERE false AND EXISTS",
        _EACH_KIND,
    ),
    Mutant(
        "a merged user's enrolments elsewhere are forgotten",
        _SOURCES,
        "WHERE EXISTS (SELECT FROM outcomes.user_merge_version m WHERE m.root_account_uuid = tenant AND m.id = known.id)",
        "WHERE false",
        _EACH_KIND,
    ),
    Mutant(
        "summaries are refreshed in any isolation",
        _REFRESH,
        "current_setting('transaction_isolation') NOT IN ('repeatable read', 'serializable')",
        "false",
        _ONE_MOMENT,
    ),
    Mutant(
        "two sessions compute the same summaries",
        _REFRESH,
        "IF NOT pg_try_advisory_xact_lock(hashtextextended('outcomes.summaries ' || tenant, 0)) THEN",
        "IF false THEN",
        _tests(_SUMMARIES, "test_two_sessions_do_not_compute_the_same"),
    ),
    Mutant(
        "history is retired beside summaries that may be used",
        _RETENTION,
        '        await self._connection.execute(sql("retain_summaries"))\n',
        "",
        _tests(_SUMMARIES, "test_history_that_is_retired_leaves_no_summary_that_may_be_used"),
    ),
    Mutant(
        "summaries are computed while there is something to write",
        "consumer/worker/summarizing.py",
        "STEP_COURSES if idle else 0",
        "STEP_COURSES",
        _tests(_SUMMARIES, "test_a_worker_with_nothing_to_write_keeps_summaries_up_to_date"),
    ),
    Mutant(
        "the secret of a session opens the API",
        "consumer/serve/door.py",
        "None if token.startswith(SESSION) else await",
        "await",
        _tests(_SIGN_IN, "test_a_token_that_is_typed_into_the_form_signs_in"),
    ),
    # -- Canvas' reports --
    Mutant(
        "who has left is in a report",
        "consumer/query/sql/report_rows.sql",
        "($6 OR e.standing = 'enrolled')",
        "true",
        _tests(_REPORTS, "test_outcome_results_have_a_row_for_each_link_and_enrolment"),
    ),
    Mutant(
        "test students are in a report",
        "consumer/query/sql/report_rows.sql",
        "e.type = 'StudentEnrollment' AND",
        "",
        _tests(_REPORTS, "test_outcome_results_have_a_row_for_each_link_and_enrolment"),
    ),
    Mutant(
        "work that no rubric has assessed is in a report",
        "consumer/query/sql/report_rows.sql",
        "t.artifact_type <> 'Submission' OR",
        "t.artifact_type IS NOT NULL OR",
        _tests(_REPORTS, "test_outcome_results_have_a_row_for_each_link_and_enrolment"),
    ),
    Mutant(
        "rows of single questions are compared",
        "consumer/query/report_compare.py",
        'if row.get("assessment question") or row.get("assessment question id"):',
        "if False:",
        _tests(_REPORTS, "test_what_a_report_of_canvas_says_otherwise_is_listed"),
    ),
    Mutant(
        "results in courses that a report does not tell of differ from it",
        "consumer/query/report_compare.py",
        " and key.course_id in courses",
        "",
        _tests(_REPORTS, "test_what_a_report_of_canvas_says_otherwise_is_listed"),
    ),
    Mutant(
        "half a report takes the place of the last one",
        "consumer/commands/report.py",
        'part = to.with_name(f"{to.name}.part")',
        "part = to",
        _tests("tests/acceptance/test_mastery_commands.py", "test_canvas_reports_are_written_and_compared"),
    ),
    *(
        Mutant(f"erase leaves {what}", f"{_FUNCTIONS}/person_column.sql", row, f"{row[:-2]} AND false')", _EVERY_PLACE)
        for what, row in (
            ("users by their id", "('canvas_user', 'id', 'user', 'v.id', 'v.id = ANY ($2)')"),
            ("enrolments by user", "('enrollment', 'user_id', 'user', 'v.user_id', 'v.user_id = ANY ($2)')"),
            ("enrolments by uuid", "('enrollment', 'user_uuid', 'uuid', 'v.user_uuid', 'v.user_uuid = ANY ($3)')"),
            (
                "enrolments of observers",
                "('enrollment', 'associated_user_id', 'user', 'v.associated_user_id', 'v.associated_user_id = ANY ($2)')",
            ),
            ("states of enrolments", "('enrollment_state', 'id', 'enrollment', 'v.id', 'v.id = ANY ($4)')"),
            ("results by uuid", "('learning_outcome_result', 'user_uuid', 'uuid', 'v.user_uuid', 'v.user_uuid = ANY ($3)')"),
            ("rubric assessments of results", "('rubric_assessment', 'id', 'rubric_assessment', 'v.id', 'v.id = ANY ($6)')"),
            ("submissions", "('submission', 'user_id', 'user', 'v.user_id', 'v.user_id = ANY ($2)')"),
            ("names", "('person_name', 'user_id', 'user', 'v.user_id', 'v.user_id = ANY ($2)')"),
        )
    ),
    Mutant(
        "events of suppressed people are stored",
        _SUPPRESSIONS,
        "        if not self.number:\n            return batch\n",
        "        return batch\n",
        _NEVER_SEEN,
    ),
    Mutant(
        "a writer does not look whether somebody was erased meanwhile",
        _WRITER,
        "known = self.suppressions.number == await self.look_at_suppressions(adding=False)",
        "known = bool(await self.look_at_suppressions(adding=False) or True)",
        _SLIPS,
    ),
    Mutant(
        "a writer does not keep erasures away",
        f"{_FUNCTIONS}/look_at_suppressions.sql",
        "IN ROW EXCLUSIVE MODE;",
        "IN ACCESS SHARE MODE;",
        _SLIPS,
    ),
    Mutant(
        "old programs go on writing after an erasure",
        f"{_FUNCTIONS}/refuse_unaware_writer.sql",
        "IF EXISTS (SELECT",
        "IF false AND EXISTS (SELECT",
        _UNAWARE,
    ),
    Mutant(
        "REST brings erased people back",
        f"{_FUNCTIONS}/skip_suppressed.sql",
        "        RETURN NULL;",
        "        RETURN NEW;",
        _NOT_BY_REST,
    ),
    Mutant(
        "what an erased event says is the person's too is stored",
        _SUPPRESSIONS,
        "(*self._same_person(one), *things_of(one))",
        "()",
        _MORE_TOLD,
    ),
    Mutant(
        "what hangs on an erased person is stored",
        _SUPPRESSIONS,
        "if not known.isdisjoint(hanging[id(one)])",
        "if False",
        _MORE_TOLD,
    ),
    Mutant(
        "an observer is taken for whom they observe",
        _SUPPRESSIONS,
        "return keys if any(map(self._is_suppressed, keys)) else []",
        "return keys",
        _MORE_TOLD,
    ),
    Mutant(
        "a broken record about an erased person is kept",
        _SUPPRESSIONS,
        "rejected = [one for one in batch.rejected if self",
        "rejected = [one for one in () if self",
        _NEVER_SEEN,
    ),
    Mutant(
        "values of unknown members bring an erased person back",
        _SUPPRESSIONS,
        '            columns["extra"] = None\n',
        "            pass\n",
        _BESIDE,
    ),
    Mutant(
        "the context of a request brings an erased person back",
        _SUPPRESSIONS,
        '            columns["metadata"] = None\n',
        "            pass\n",
        _NOTHING_LEFT,
    ),
    Mutant(
        "quarantine keeps erased people",
        _ERASURE,
        "Counter(quarantine=await _from_quarantine(connection, mentions))",
        "Counter(quarantine=0)",
        _DRY_RUN,
    ),
    Mutant(
        "names in quarantine are not looked for",
        _ERASURE,
        "for text in {*names, *texts} if tells_apart(text)",
        "for text in texts if tells_apart(text)",
        _NOTHING_LEFT,
    ),
    Mutant(
        "unknown members keep erased people",
        _ERASURE,
        'if held := [tuple(row)[:4] for row in found if mentions.are_in(row["text"])]:',
        "if held := [tuple(row)[:4] for row in found if False]:",
        _NOTHING_LEFT,
    ),
    Mutant(
        "requests on the person's own pages stay known",
        f"{_FUNCTIONS}/suppress.sql",
        "WHERE cardinality(users) > 0 AND c.relnamespace",
        "WHERE false AND c.relnamespace",
        _EVERY_PLACE,
    ),
    Mutant(
        "no older state becomes current",
        f"{_FUNCTIONS}/erase_rows.sql",
        "         WHERE v.root_account_uuid = $1 AND v.id = ANY ($2)\n         ORDER",
        "         WHERE false\n         ORDER",
        _OLDER_STATE,
    ),
    Mutant(
        "tables that retain has left keep erased people",
        f"{_FUNCTIONS}/erase_rows.sql",
        "'^' || name || '_version_(y|before_|retired_)",
        "'^' || name || '_nothing_(y|before_|retired_)",
        _EVERY_PLACE,
    ),
    Mutant("a dry run erases", _ERASURE, "            if dry_run:\n                raise _RollBack\n", "", _DRY_RUN),
    Mutant("merged users are erased unasked", _ERASURE, 'if len(person["users"]) > 1 and not merged:', "if False:", _MERGED),
    Mutant(
        "users of one uuid are not one person",
        f"{_FUNCTIONS}/person_keys.sql",
        "SELECT i.user_id FROM outcomes.user_identity i WHERE i.root_account_uuid = tenant AND i.user_uuid = ANY (uuids)",
        "SELECT 0::bigint WHERE false",
        _MERGED,
    ),
    Mutant(
        "a restored database keeps erased people",
        _ERASURE,
        "        rows = Counter(await suppress(connection, still))\n",
        "        rows = Counter[str]()\n",
        _RESTORED_FROM_LIST,
    ),
    Mutant(
        "verify does not look for erased people",
        f"{_FUNCTIONS}/stored_suppressed.sql",
        "    IF NOT EXISTS (SELECT FROM outcomes.suppression) THEN\n",
        "    IF true THEN\n",
        _VERIFIED,
    ),
    Mutant(
        "captured files keep erased people",
        "consumer/erased_captures.py",
        "left = None if position in gone else self",
        "left = self",
        _NOTHING_LEFT,
    ),
    Mutant(
        "captured files keep mentions of erased people",
        "consumer/erased_captures.py",
        "        if not (own_pages or self._is_mentioned(line)):\n            return line\n",
        "        if True:\n            return line\n",
        _NOTHING_LEFT,
    ),
)
