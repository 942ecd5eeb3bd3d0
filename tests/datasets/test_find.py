"""Data sets by name: what each of them can be asked for."""

import pytest

from seal_sk.datasets import find_dataset


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("scenes", {"data_home": "x"}, "no other folder; leave out data_home='x'"),
        ("scenes", {"download_if_missing": True}, "can't be downloaded, only bsds500"),
        ("camvid", {"download_if_missing": True}, "can't be downloaded, only bsds500"),
        ("scenes", {"mask": "alpha"}, "leave out mask='alpha'"),
        ("bsds500", {"bands": [1], "recursive": True}, "recursive=True, bands="),
        ("scenes", {"ignore_label": 3}, "has its own ignore label"),
        ("scenes", {"subset": "x"}, "has no subsets"),
        ("nowhere", {}, "There is no data set 'nowhere'"),
    ],
)
def test_what_does_not_apply_is_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        find_dataset(name, **options)


def test_a_network_may_read_any_data_set():
    assert len(find_dataset("scenes", n_bands=3).images) == 20
