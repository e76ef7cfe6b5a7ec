"""What becomes of a judged candidate: it serves, waits for a person, or is refused."""

from pipeline.cycle.canary import begin_canary
from pipeline.cycle.journal import Journal
from pipeline.cycle.promotion import APPROVAL, Champions
from pipeline.cycle.stages import Promoted
from pipeline.gate import Canary
from pipeline.registry import ChampionMoved, Version
from pipeline.results import Verdict


def promote_or_refuse(
    champions: Champions,
    journal: Journal,
    champion: Version,
    candidate: Version,
    verdict: Verdict,
    *,
    approval: bool,
    canary: Canary,
    no_index: str = "",
) -> Promoted:
    """Move the champion if the gate says so and nobody moved it in the meantime.

    Parameters
    ----------
    champions
        Moves the champion.
    journal
        Which cycle it is.
    champion, candidate
        What was compared.
    verdict
        What the gate said.
    approval
        Whether a candidate that passes waits for a person.
    canary
        Whether it is tried on a share of the traffic first.
    no_index
        Why it has no index, which it should have before it serves; "" where nothing is missing.
    """
    if not verdict.promote:
        return Promoted(outcome=verdict.outcome, champion=champion.number)
    waits = f"version {candidate.number} passed the gate and was not promoted"
    mark = champions.barred(candidate)
    if mark:
        reason = f"{waits}: {mark}; only `anchorhold promote --force` lets it serve"
        return Promoted(outcome="inconclusive", champion=champion.number, reasons=(reason,))
    if no_index:
        return Promoted(
            outcome="inconclusive",
            champion=champion.number,
            reasons=(f"{waits}: {no_index}; the next `anchorhold run` tries again",),
            waits="awaiting_index",
        )
    if canary.share:
        on_trial = champions.store.running_canary()
        if on_trial is not None and on_trial.candidate != candidate.number:
            reason = f"{waits}: version {on_trial.candidate} is on trial as canary, one at a time"
            return Promoted(outcome="inconclusive", champion=champion.number, reasons=(reason,))
        # Its hours begin now: the training before it may have taken longer than they last.
        told = begin_canary(champions, canary, champion, candidate, journal.cycle, journal.present)
        return Promoted(
            outcome="inconclusive",
            champion=champion.number,
            reasons=(f"{waits} yet: {told}",),
            waits="awaiting_canary",
        )
    if approval:
        command = f"anchorhold promote {candidate.number} --reason …"
        tag = f"or the tag {APPROVAL} = approved in MLflow"
        return Promoted(
            outcome="inconclusive",
            champion=champion.number,
            reasons=(f"{waits}: it awaits approval: {command}, {tag}",),
            waits="awaiting_approval",
        )
    try:
        champions.install(
            candidate,
            expected=champion.number,
            action="promote",
            reason=f"cycle {journal.cycle}: {verdict.reasons[0]}",
            # Its users count from now on, not from before the training.
            now=journal.present,
            cycle=journal.cycle,
        )
    except ChampionMoved as moved:
        serving = champions.registry.champion()
        return Promoted(
            outcome="inconclusive",
            champion=serving.number if serving else champion.number,
            reasons=(str(moved),),
        )
    return Promoted(outcome="promoted", champion=candidate.number)
