"""Runs every query of every dashboard and every alert against a Prometheus that watches a shop with customers, for
scripts/check-dashboards.

    python3 scripts/check-dashboards.py [http://127.0.0.1:9090]

Fails when a query of a dashboard answers an error or, until a minute has passed, no number, or when an alert cannot be evaluated. Use a
split shop: in one process there are no peers.
"""

import json
import math
import pathlib
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROMETHEUS = (sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:9090").rstrip("/")


def ask(path, **query):
    """The data of an answer; an error of Prometheus is raised with its text."""
    url = f"{PROMETHEUS}{path}?{urllib.parse.urlencode(query)}"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as e:
        raise ValueError(json.load(e).get("error", str(e))) from e


def trouble(expr):
    """What is wrong with a query of a panel; none if it answers a number."""
    try:
        found = ask("/api/v1/query", query=expr.replace("$__rate_interval", "5m"))["result"]
    except ValueError as e:
        return str(e)
    if not found:
        return "no data"
    if all(math.isnan(float(series["value"][1])) for series in found):
        return "not a number"
    return None


def main():
    failures = []
    panels = 0
    # some numbers are collected every few seconds, and a rate needs two of them
    deadline = time.monotonic() + 60
    for path in sorted((ROOT / "deploy/grafana/dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                panels += 1
                while (why := trouble(target["expr"])) and time.monotonic() < deadline:
                    time.sleep(1)
                if why:
                    failures.append(f"{path.name}: {panel['title']}: {why}: {target['expr']}")
    if panels == 0:
        failures.append("no dashboard has a query")
    rules = [rule for group in ask("/api/v1/rules", type="alert")["groups"] for rule in group["rules"]]
    if not rules:
        failures.append("Prometheus has no alert rules")
    for rule in rules:
        # asked for again, because a rule that was just loaded has no health yet
        try:
            ask("/api/v1/query", query=rule["query"])
        except ValueError as e:
            failures.append(f"alert {rule['name']}: {e}")
        if rule["health"] == "err":
            failures.append(f"alert {rule['name']}: {rule['lastError']}")
    print("\n".join(failures + [f"{panels} queries, {len(rules)} alerts, {len(failures)} failures"]))
    sys.exit(1 if failures else 0)


main()
