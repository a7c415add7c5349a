"""Rollups: Canvas' scores against ours."""

from consumer.canvas import compare
from consumer.canvas.compare import Difference
from consumer.canvas.examining.examined import Examined, Finding
from consumer.canvas.observations import Rollups
from consumer.canvas.projection import Projection


async def examine(observation: Rollups, projection: Projection) -> Examined:
    """Canvas shows a student of several sections once for each. Students whom it does not show are not compared."""
    scores: dict[str, dict[int, float | None]] = {}
    for one in observation.rollups:
        if one.links.user is not None:
            scores.setdefault(one.links.user, {}).update({score.links.outcome: score.score for score in one.scores})
    users = await projection.users(scores)
    uuids = {user: compare.user_uuid(user, users) for user in scores}
    ours = await projection.rollups(observation.course_id, set(uuids.values()), observation.requested_at)
    examined = Examined("outcome_rollup")
    for user, theirs in scores.items():
        mine = {outcome_id: score for (uuid, outcome_id), score in ours.items() if uuid == uuids[user]}
        for outcome_id in sorted(mine.keys() | theirs.keys()):
            examined.counts.seen += 1
            difference = Difference("score", mine.get(outcome_id), theirs.get(outcome_id))
            if difference.ours == difference.canvas:
                examined.counts.unchanged += 1
            else:
                key = {"course_id": observation.course_id, "user_uuid": uuids[user], "learning_outcome_id": outcome_id}
                examined.findings.append(Finding("rollup", "outcome_rollup", key, (difference,)))
    return examined
