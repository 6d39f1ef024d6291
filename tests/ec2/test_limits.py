# SPDX-License-Identifier: BSD-3-Clause
"""The limits of a type: what is known, what is assumed, what was given."""

import math
from collections.abc import Callable

import pytest

import labkit as lk
from labkit.ec2 import known
from labkit.ec2.limits import DECLARED
from labkit.errors import PathError
from labkit.path.drawing import path_svg
from labkit.path.path import Path


def test_what_is_published_of_a_type() -> None:
    ec2 = lk.nitro("m6i.xlarge")
    assert (ec2.bandwidth, ec2.baseline) == (12.5e9, 1.56e9)
    assert (ec2.queues, ec2.queues_per_eni, ec2.queues_per_instance) == (4, 4, 16)
    assert (ec2.flow, ec2.link_local, ec2.llq_header, ec2.mtu) == (5e9, 1024, 96, 9001)
    told = ec2.limits
    assert list(told.index) == [name for name in DECLARED if name in told.index]
    assert told.loc["bandwidth", "known"] == "known"
    assert "ec2_bandwidth.csv" in told.loc["bandwidth", "source"]


def test_what_is_unknown_says_so() -> None:
    told = lk.nitro("m6i.xlarge").limits
    for name in ("pps", "credits", "connections", "queue", "flow_queue", "link_local_burst"):
        assert told.loc[name, "known"] == "assumed"
        assert told.loc[name, "source"].startswith("unknown, assumed: ")
    assert told.loc["pps", "counter"] == "pps_allowance_exceeded"


def test_every_source_is_told() -> None:
    told = lk.nitro("c8gn.16xlarge", bandwidth="100 Gbit/s", pps="9 Mpps").limits
    assert set(told["known"]) == {"known", "assumed", "given"}
    assert list(told.index[told["known"] == "given"]) == ["bandwidth", "pps"]
    assert (told["source"].str.len() > 5).all()
    assert math.isnan(told.loc["baseline", "value"]), "no credits where one rate was given"


@pytest.mark.parametrize(
    ("options", "limits"),
    [
        ({"placement_group": True}, {"flow": 10e9}),
        ({"over_internet": True}, {"internet": 5e9, "mtu": 1500}),
        ({"wide_llq": True}, {"llq_header": 224, "tx_ring": 512}),
        ({"pps": "2 Mpps", "queue": "1 MB"}, {"pps": 2e6, "queue": 1e6}),
        ({"connections": "unlimited"}, {"connections": math.inf}),
        ({"link_local_burst": "10 packets", "idle": "2 s"}, {"link_local_burst": 10, "idle": 2}),
        ({"bandwidth": 1e9, "baseline": 1e8}, {"credits": 0.9e9 / 8 * 300}),
    ],
)
def test_what_changes_them(options: dict[str, object], limits: dict[str, float]) -> None:
    ec2 = lk.nitro("m6i.xlarge", **options)  # type: ignore[arg-type]
    assert {name: getattr(ec2, name) for name in limits} == limits


def test_half_of_a_large_instance_goes_to_the_internet() -> None:
    assert lk.nitro("m6i.16xlarge", bandwidth="25 Gbit/s").internet == 12.5e9
    assert lk.nitro("m6i.8xlarge", bandwidth="9 Gbit/s").internet == 5e9
    assert lk.nitro("m6i.4xlarge", bandwidth="25 Gbit/s").internet == 5e9


def test_a_scale_divides_rates_alone() -> None:
    told = lk.nitro("m6i.xlarge", scale=100).limits
    for name, row in told.iterrows():
        is_rate = row["unit"] in ("bit/s", "pps")
        assert row["here"] == pytest.approx(row["value"] / (100 if is_rate else 1)), name


def test_tables_name_types_alike() -> None:
    for name in known.types():
        assert known.TYPE.fullmatch(name), name
    for name in known.bandwidths():
        found = known.of_bandwidth(name)
        assert found["baseline"].value is not None
        assert all(limit.source for limit in found.values())


def test_vcpus_by_size() -> None:
    names = {"a.medium": 1, "a.large": 2, "a.xlarge": 4, "a.24xlarge": 96, "a.metal-48xl": 192}
    assert {name: known.vcpus(name) for name in names} == names
    assert known.vcpus("a.metal") is None


def test_a_path_file_has_all_of_it() -> None:
    ec2 = lk.nitro("m6i.16xlarge", bandwidth="25 Gbit/s", express=True, new_flows="1 kpps")
    for path in (ec2.egress("a", "b"), ec2.ingress("a", "b"), ec2.both("a", "b")):
        again = Path.from_json(path.to_json())
        assert again.to_dict() == path.to_dict()
        assert "<svg" in path_svg(path)


def test_repr_tells_what_is_assumed() -> None:
    told = repr(lk.nitro("m6i.xlarge", scale=1000))
    assert told.startswith("<Nitro m6i.xlarge, all rates divided by 1,000: ")
    assert "unknown and assumed" in told
    assert "bandwidth" in lk.nitro("m6i.xlarge")._repr_html_()
    assert "bandwidth" in dir(lk.nitro("m6i.xlarge"))


def test_a_limit_is_given_when_an_instance_is_made() -> None:
    """Its nodes would not change, so it cannot be set later; nor what was never there."""
    ec2 = lk.nitro("m6i.xlarge")
    for name in ("bandwidth", "baseline", "scale", "express"):
        with pytest.raises(PathError, match=rf"with lk.nitro\('m6i.xlarge', {name}=...\)"):
            setattr(ec2, name, "1 Gbit/s")
    with pytest.raises(lk.LabError, match="did you mean 'bandwidth'"):
        ec2.bandwith = "1 Gbit/s"
    assert ec2.bandwidth == 12.5e9


def test_credits_are_spoken_of_where_there_are_some() -> None:
    assert "credits" in lk.nitro("m6i.xlarge").limits.loc["bandwidth", "what"]
    assert "credits" not in lk.nitro("m6i.xlarge", bandwidth=1e9).limits.loc["bandwidth", "what"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: lk.nitro("m6i.xlrge"), "did you mean 'm6i.xlarge'"),
        (lambda: lk.nitro("c6i.xlarge"), 'give bandwidth="12.5 Gbit/s"'),
        (lambda: lk.nitro("x2gd.medium"), "the bandwidth of x2gd.medium is in none of"),
        (lambda: lk.nitro("m6i.xlarge", express=True), "m6i.xlarge has no ENA Express"),
        (lambda: lk.nitro("m6i.xlarge", express=True), "did you mean 'm6i.8xlarge'"),
        (lambda: lk.nitro("m6i.xlarge", bandwith=1e9), "did you mean 'bandwidth'"),
        (
            lambda: lk.nitro("m6i.xlarge", pps="2 Gbit/s"),
            "pps is '2 Gbit/s'; it is a number of pps",
        ),
        (lambda: lk.nitro("m6i.xlarge", flow="5"), "flow is '5'; it is a number of bit/s"),
        (lambda: lk.nitro("m6i.xlarge", pps=0), "the range begins at 1 pps"),
        (lambda: lk.nitro("m6i.xlarge", pps=[]), "pps is []"),
        (lambda: lk.nitro("m6i.xlarge", scale=0.5), "scale is 0.5"),
        (lambda: lk.nitro("m6i.xlarge", driver="en"), "'ena'"),
        (lambda: lk.nitro("m6i.xlarge", queue=-1), "queue is -1"),
        (lambda: lk.nitro("m6i.xlarge", credits="1 GB", bandwidth=1e9), "no baseline="),
        (
            lambda: lk.nitro("m6i.xlarge", bandwidth=1e9, baseline=2e9),
            "baseline is 2 Gbit/s; it is",
        ),
        (lambda: lk.nitro("m6i.xlarge", bandwidth=None), "bandwidth is None"),
        (lambda: lk.nitro("m6i.xlarge", mtu="unlimited"), "mtu is 'unlimited'"),
        (lambda: lk.nitro("m6i.xlarge", flow=None), "flow is None"),
        (lambda: lk.nitro("m6i.xlarge", overhead=-1), "the range begins at 0 B"),
        (lambda: lk.nitro("m6i.xlarge", scale=2000), "scale is 2,000; of link_local, 1.024 k pps"),
        (lambda: lk.nitro("m6i.xlarge", connections=0), "connections is 0"),
        (lambda: lk.nitro("m6i.xlarge", untracked="tcp prt 80"), "prt"),
        (lambda: lk.nitro("m6i.xlarge", resolver="10.0.0"), "resolver is '10.0.0'"),
        (lambda: lk.nitro("m6i.xlarge", llq_header=5), "limit is 5; the range is 14 to 65535"),
        (lambda: lk.nitro("m6i.xlarge", express="udp"), "express is 'udp'"),
        (lambda: lk.nitro(5), "instance_type is 5"),
        (lambda: lk.nitro("m6i.xlarge").bandwith, "did you mean 'bandwidth'"),
        (lambda: lk.nitro("m6i.xlarge").counters(), "run ec2.egress(a, b) with a and b as Ports"),
    ],
)
def test_what_is_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises((PathError, lk.LabError)) as error:
        make()
    assert said in str(error.value)
