"""`python -m tests.simulation.model`: explore everything, print it, and write it into docs/limits-model.md."""

from rich.console import Console

from tests.simulation.model.report import DOCUMENT, PROTOCOLS, explored, page_with, sentence_of, written


def main() -> None:
    console = Console(width=160, highlight=False)
    for protocol in PROTOCOLS:
        for model in protocol.models:
            seen = explored(model)
            console.print(f"{model.name} ({model.bounds}): {seen.state_count:,} states, {seen.step_count:,} steps")
            console.print(f"  {seen.counterexample or 'every rule holds'}")
        for mutation in protocol.mutations:
            found = explored(mutation).counterexample
            console.print(f"\nbroken: {sentence_of(mutation)}\n{found or 'NOTHING WAS FOUND'}")
    DOCUMENT.write_text(page_with(written(), DOCUMENT.read_text()))
    console.print(f"written to {DOCUMENT.relative_to(DOCUMENT.parents[1])}")


main()
