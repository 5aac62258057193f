"""`breakwater alerts rules` and `breakwater alerts metrics`: when a metric is worth an alert."""

from typing import Annotated

import typer

from breakwater.client.limit_words import Misunderstood
from breakwater.client.shapes import Json
from breakwater.client.terminal import AsJson, out, print_json, show_list, signed_in

RULES = {
    "rule": "rule_id",
    "name": "name",
    "metric": "metric",
    "labels": "labels_words",
    "crossed when": "condition_words",
    "severity": "severity",
    "category": "category",
    "state": "state_words",
    "by": "changed_by",
}
METRICS = {"metric": "metric", "labels": "labels_words", "value": "value"}

rules_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="When a metric is worth an alert.")

Above = Annotated[str | None, typer.Option(help="Crossed above this.")]
Below = Annotated[str | None, typer.Option(help="Crossed below this.")]
ClearAt = Annotated[str | None, typer.Option(help="Over when it is back at this; by default at the bound.")]
Sigmas = Annotated[str | None, typer.Option(help="A band: so many deviations from what is usual.")]
Unusual = Annotated[str | None, typer.Option(help="Of a band: ABOVE, BELOW or BOTH.")]
WindowS = Annotated[int | None, typer.Option(help="Of a band: usual is what was so in so many seconds.")]
SamplesMin = Annotated[int | None, typer.Option(help="Of a band: with fewer samples nothing is said.")]
DeviationMin = Annotated[str | None, typer.Option(help="Of a band: the least that counts as one deviation.")]
Label = Annotated[list[str] | None, typer.Option(help="Only series with it, such as queue=alerts; once for each.")]
ForS = Annotated[int | None, typer.Option(help="For so many seconds.")]
SeverityWord = Annotated[str | None, typer.Option(help="INFO, WARNING, ERROR or CRITICAL.")]
CategoryWord = Annotated[str | None, typer.Option(help="Who is told; by default as the metric is.")]


@rules_app.command("list")
def list_rules(as_json: AsJson = False) -> None:
    """Every rule, and which are crossed now."""
    with signed_in() as (client, _):
        found = client.metric_rules()
    rows = found if as_json else [_row(each) for each in found]
    show_list({"items": rows}, RULES, as_json, empty="No rules.")


@rules_app.command("create")
def create_rule(
    name: str,
    metric: Annotated[str, typer.Argument(help="As `breakwater alerts metrics` names it.")],
    *,
    above: Above = None,
    below: Below = None,
    clear_at: ClearAt = None,
    sigmas: Sigmas = None,
    unusual: Unusual = None,
    window_s: WindowS = None,
    samples_min: SamplesMin = None,
    deviation_min: DeviationMin = None,
    label: Label = None,
    for_s: ForS = None,
    severity: SeverityWord = None,
    category: CategoryWord = None,
    as_json: AsJson = False,
) -> None:
    """Make a rule, such as `breakwater alerts rules create "Loss" pnl_total --below -1000 --severity ERROR`."""
    condition = _condition(above, below, clear_at) | _band(sigmas, unusual, window_s, samples_min, deviation_min)
    if not condition:
        raise Misunderstood("say --above, --below or --sigmas")
    setting = {"name": name, "metric": metric} | condition | _rest(label, for_s, severity, category)
    with signed_in() as (client, _):
        made = client.create_metric_rule(setting)
    _show(made, as_json, "is made")


@rules_app.command("change")
def change_rule(
    rule_id: str,
    *,
    name: Annotated[str | None, typer.Option()] = None,
    above: Above = None,
    below: Below = None,
    clear_at: ClearAt = None,
    sigmas: Sigmas = None,
    unusual: Unusual = None,
    window_s: WindowS = None,
    samples_min: SamplesMin = None,
    deviation_min: DeviationMin = None,
    label: Label = None,
    for_s: ForS = None,
    severity: SeverityWord = None,
    category: CategoryWord = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Whether it is looked at.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change what is named; a threshold or a band takes the place of what it was."""
    changes = _condition(above, below, clear_at) | _band(sigmas, unusual, window_s, samples_min, deviation_min)
    changes |= _rest(label, for_s, severity, category)
    changes |= {name_: value for name_, value in (("name", name), ("is_enabled", enabled)) if value is not None}
    if not changes:
        raise Misunderstood("say what is to change")
    with signed_in() as (client, _):
        changed = client.change_metric_rule(rule_id, changes)
    _show(changed, as_json, "is changed")


@rules_app.command("delete")
def delete_rule(rule_id: str) -> None:
    """Nothing is told by it any more."""
    with signed_in() as (client, _):
        client.delete_metric_rule(rule_id)
    out().print(f"Rule {rule_id} is deleted.")


def list_metrics(as_json: AsJson = False) -> None:
    """All that can be watched, with its value now."""
    with signed_in() as (client, _):
        found = client.metrics()
    rows = found["items"] if as_json else [{**each, "labels_words": _labels(each)} for each in found["items"]]
    show_list({**found, "items": rows}, METRICS, as_json, empty="The watch has not looked yet.")


def _condition(above: str | None, below: str | None, clear_at: str | None) -> Json:
    if above is not None and below is not None:
        raise Misunderstood("say --above or --below, and not both")
    bound = above if above is not None else below
    if bound is None:
        if clear_at is not None:
            raise Misunderstood("--clear-at goes with --above or --below")
        return {}
    threshold = {"direction": "BELOW" if above is None else "ABOVE", "bound": bound}
    return {"threshold": threshold if clear_at is None else {**threshold, "clear_bound": clear_at}}


def _band(
    sigmas: str | None, unusual: str | None, window_s: int | None, samples_min: int | None, deviation_min: str | None
) -> Json:
    said = {
        "sigmas": sigmas,
        "direction": unusual,
        "window_s": window_s,
        "samples_min": samples_min,
        "deviation_min": deviation_min,
    }
    band = {name: value for name, value in said.items() if value is not None}
    return {"band": band} if band else {}


def _rest(label: list[str] | None, for_s: int | None, severity: str | None, category: str | None) -> Json:
    said: Json = {"for_s": for_s, "severity": severity, "category": category}
    if label:
        pairs = [each.partition("=") for each in label]
        if not all(name and equals and value for name, equals, value in pairs):
            raise Misunderstood("a label is told as queue=alerts")
        said["labels"] = {name: value for name, _, value in pairs}
    return {name: value for name, value in said.items() if value is not None}


def _show(rule: Json, as_json: bool, what: str) -> None:
    if as_json:
        print_json(rule)
        return
    out().print(f"Rule [bold]{rule['rule_id']}[/] {what}: {rule['metric']} {_words(rule)}.")


def _row(rule: Json) -> Json:
    crossed = len(rule["crossed"])
    state = "off" if not rule["is_enabled"] else f"CROSSED ({crossed})" if crossed else "clear"
    return {**rule, "labels_words": _labels(rule), "condition_words": _words(rule), "state_words": state}


def _words(rule: Json) -> str:
    condition = rule["condition"]
    lasting = f" for {rule['for_s']} s" if rule["for_s"] else ""
    if condition["kind"] == "THRESHOLD":
        return f"{condition['direction'].lower()} {condition['bound']}{lasting}"
    side = {"ABOVE": "above", "BELOW": "below", "BOTH": "away from"}[condition["direction"]]
    return f"{condition['sigmas']} deviations {side} its mean of {condition['window_s']} s{lasting}"


def _labels(told: Json) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(told["labels"].items()))
