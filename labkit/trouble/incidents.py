# SPDX-License-Identifier: BSD-3-Clause
"""What is on record of incidents that rules recognise: how severe they were, in which versions, and
what helped (datasets/incidents.csv)."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache

from labkit.datasets import dataset


@dataclass(frozen=True)
class Incident:
    """A report of an incident; what it does not say is "".

    Attributes
    ----------
    rule: what recognises it
    severity, status: as the report has them
    product, introduced, resolved: the first version that has it, and the first that has it not
    driver, driver_before, driver_after: what was updated to mend it
    remedy, workaround: what helped, and what to do until then
    """

    rule: str
    report: str
    date: str
    severity: str
    status: str
    product: str
    introduced: str
    resolved: str
    driver: str
    driver_before: str
    driver_after: str
    remedy: str
    workaround: str
    origin: str

    def __str__(self) -> str:
        versions = f"{self.product} {self.introduced}".strip()
        versions += f" to before {self.resolved}" if self.resolved else ""
        driver = f"{self.driver} {self.driver_before}".strip()
        driver += f", mended with {self.driver_after}" if self.driver_after else ""
        told = ("severity " + self.severity if self.severity else "", versions.strip(), driver)
        parts = "; ".join(part for part in (self.report, *told) if part)
        return f"{parts}. {self.remedy} {self.workaround}".strip()


@lru_cache(maxsize=1)
def incidents() -> Mapping[str, Incident]:
    """Those on record, by the rule that recognises them."""
    names = {field.name for field in fields(Incident)}
    with dataset("incidents.csv").open(newline="", encoding="utf-8") as file:
        rows = [{key: row[key] for key in names} for row in csv.DictReader(file)]
    return {row["rule"]: Incident(**row) for row in rows}
