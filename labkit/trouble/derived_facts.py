# SPDX-License-Identifier: BSD-3-Clause
"""What follows from several facts together: a module that is not the running kernel's, two ends of
ENA Express that are set up unlike, the generation of an instance's type."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from labkit.trouble.evidence import Fact
from labkit.trouble.instance_tables import express

# The others of these generations have neither, or ENA.
_INTEL_VF = re.compile(r"(?:c3|c4|d2|i2|r3)\..+|m4\.(?!16xlarge)\w+")
_ENA = re.compile(r"(?:t3a?|t4g|[a-z]+[5-9][a-z0-9-]*)\..+")
_GENERATION = re.compile(r"[a-z]+(?P<number>\d)[a-z0-9-]*\.")
PAIR = 2  # instances; of more, nobody tells which of them talk to each other


def derived_facts(facts: Sequence[Fact]) -> Iterator[Fact]:
    """The facts that follow."""
    yield from _of_types(facts)
    yield from _modules(facts)
    yield from _express(facts)


def _of_types(facts: Sequence[Fact]) -> Iterator[Fact]:
    """The generation of each type, and which driver its enhanced networking has."""
    for fact in facts:
        if fact.name not in ("instance_type", "ec2/type"):
            continue
        if found := _GENERATION.match(fact.value):
            yield Fact("generation", found["number"], fact.place, fact.device)
        for driver, pattern in (("ixgbevf", _INTEL_VF), ("ena", _ENA)):
            if pattern.fullmatch(fact.value):
                yield Fact("ec2/enhanced", driver, fact.place, fact.device)


def _modules(facts: Sequence[Fact]) -> Iterator[Fact]:
    """Whether the driver's module is built for the kernel that runs."""
    kernels = {fact.value for fact in facts if fact.name == "kernel"}
    if len(kernels) != 1:
        return
    (kernel,) = kernels
    for driver in ("ena", "ixgbevf"):
        prefix = f"dkms/{driver}/"
        of_file = [f for f in facts if f.name == f"modinfo/{driver}/kernel"]
        of_dkms = [f for f in facts if f.name.startswith(prefix)]
        for fact in of_file:
            if fact.value != kernel:
                yield Fact(f"fits/{driver}", f"it is for {fact.value}", fact.place)
        built = {f.name.removeprefix(prefix) for f in of_dkms if f.value == "installed"}
        if of_dkms and kernel not in built:
            told = f"dkms has not installed it for {kernel}"
            yield Fact(f"dkms/{driver}", told, of_dkms[0].place)


def _express(facts: Sequence[Fact]) -> Iterator[Fact]:
    """Of two instances: whether both have ENA Express, UDP with it, and lie in one zone."""
    told: dict[str, dict[str, list[Fact]]] = defaultdict(lambda: defaultdict(list))
    for fact in facts:
        if fact.device.startswith("i-"):
            told[fact.name][fact.device].append(fact)
    enabled = told["express/enabled"]
    if len(enabled) != PAIR:
        return
    on = {end for end, of in enabled.items() if any(f.value == "true" for f in of)}
    place = next(iter(enabled.values()))[0].place
    if len(on) == 1:
        (without,) = enabled.keys() - on
        kinds = {fact.value for fact in told["ec2/type"].get(without, ())}
        unlisted = "".join(f", whose type {k} is not listed" for k in kinds - set(express()))
        yield Fact("express/ends", f"off at {without}{unlisted}", place)
    if len(on) < PAIR:
        return
    udp = {end for end, of in told["express/udp"].items() if any(f.value == "true" for f in of)}
    if len(udp) == 1:
        yield Fact("express/udp_ends", f"on at {next(iter(udp))} alone", place)
    zones = {fact.value for end in on for fact in told["ec2/zone"].get(end, ())}
    if len(zones) > 1:
        yield Fact("express/zones", " and ".join(sorted(zones)), place)
