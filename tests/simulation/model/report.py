"""Every model and every mutation explored, and what docs/limits-model.md says of it."""

from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from tests.simulation.model import degraded_broken, leases_broken, reservations_broken
from tests.simulation.model.degraded import Degraded
from tests.simulation.model.explorer import Exploration, Model, explore
from tests.simulation.model.leases import BESIDE_AN_ORDER, FEW_ORDERS, TWO_LEASES, TWO_PRICES, Leases
from tests.simulation.model.reservations import Reservations

DOCUMENT = Path(__file__).parents[3] / "docs" / "limits-model.md"
BEGIN, END = "<!-- written by python -m tests.simulation.model -->", "<!-- until here -->"
EXAMPLES = (reservations_broken.TakeWordsAsTheyArrive, leases_broken.LowerThePriceUnderOpenOrders)


class Protocol(NamedTuple):
    """One protocol: itself in some bounds, and broken in some ways."""

    models: tuple[Model[Any], ...]
    mutations: tuple[Model[Any], ...]

    @property
    def name(self) -> str:
        return self.models[0].name


PROTOCOLS = (
    Protocol((Reservations(),), reservations_broken.MUTATIONS),
    Protocol(
        tuple(Leases(bounds) for bounds in (BESIDE_AN_ORDER, TWO_LEASES, TWO_PRICES, FEW_ORDERS)),
        leases_broken.MUTATIONS,
    ),
    Protocol((Degraded(),), degraded_broken.MUTATIONS),
)


@cache
def explored(model: Model[Any]) -> Exploration:
    return explore(model)


def rules_of(model: Model[Any]) -> list[str]:
    return list(chain(model.rules(), model.step_rules(), model.goals()))


def sentence_of(mutation: Model[Any]) -> str:
    return str(type(mutation).__doc__)


def written() -> str:
    """What stands between the markers. The same each time: nothing in the models is random."""
    return "\n".join([*_models(), *_rules(), *_mutations(), *_examples()])


def page_with(text: str, page: str) -> str:
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def _models() -> Iterator[str]:
    yield "\n| model | bounds | states | steps | rules broken | mutations found |\n|---|---|---|---|---|---|"
    for protocol in PROTOCOLS:
        found = sum(explored(mutation).counterexample is not None for mutation in protocol.mutations)
        for number, model in enumerate(protocol.models):
            seen = explored(model)
            broken = "none" if seen.counterexample is None else seen.counterexample.rule
            mutations = f"{found} of {len(protocol.mutations)}" if number == 0 else ""
            counts = f"{seen.state_count:,} | {seen.step_count:,}"
            yield f"| {model.name} | {model.bounds} | {counts} | {broken} | {mutations} |"


def _rules() -> Iterator[str]:
    yield "\n## What holds in every state\n"
    for protocol in PROTOCOLS:
        yield f"**{protocol.name}**\n"
        yield from (f"- {rule}" for rule in rules_of(protocol.models[0]))
        yield ""


def _mutations() -> Iterator[str]:
    yield "## What is found when a rule of the code is broken"
    for protocol in PROTOCOLS:
        yield f"\n| {protocol.name}: the mutation | steps | what does not hold then |\n|---|---|---|"
        for mutation in protocol.mutations:
            found = explored(mutation).counterexample
            told = "- | nothing was found" if found is None else f"{len(found.steps)} | {found.rule}"
            yield f"| {sentence_of(mutation)} | {told} |"


def _examples() -> Iterator[str]:
    yield "\n## Two of them in full"
    for mutation in (mutation for protocol in PROTOCOLS for mutation in protocol.mutations):
        if isinstance(mutation, EXAMPLES):
            yield f"\n{mutation.name}: {sentence_of(mutation)}.\n\n```\n{explored(mutation).counterexample}\n```"
    yield ""
