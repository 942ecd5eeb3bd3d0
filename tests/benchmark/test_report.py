"""Reports: their files, and the page in a browser."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest

from seal_sk import ERSSuperpixels, SNICSuperpixels
from seal_sk.benchmark import Protocol, run_benchmark, summarize
from seal_sk.benchmark.pictures import most_different
from seal_sk.datasets import Dataset
from seal_sk.metrics.catalogue import METRICS
from seal_sk.plotting import CurveDisplay
from seal_sk.report import write_report

from .conftest import COUNTS


@pytest.fixture(scope="module")
def folder(finished, tmp_path_factory):
    """A copy of the results, with a report."""
    folder = tmp_path_factory.mktemp("report") / "results"
    shutil.copytree(finished.folder, folder)
    write_report(folder)
    return folder


def test_files(folder, finished):
    names = {"ASA", "BR", "BR-CD", "combined", "time"}
    figures = {path.name for path in (folder / "figures").iterdir()}
    assert figures == {f"{n}{s}" for n in names for s in (".png", ".svg")}
    tables = {path.name for path in (folder / "tables").iterdir()}
    kinds = ("averages", "differences", "summary", "wide")
    assert tables == {f"{n}{s}" for n in kinds for s in (".csv", ".md", ".tex")}
    summary = pd.read_csv(folder / "tables/summary.csv")
    np.testing.assert_allclose(summary["ASA"], summarize(finished)["ASA"], rtol=1e-5)
    latex = (folder / "tables/summary.tex").read_text()
    assert latex.startswith(r"\begin{tabular}{lrrr")
    assert r"ASA\_low" in latex
    wide = (folder / "tables/wide.md").read_text().splitlines()
    assert wide[0] == "| method | K = 10 | K = 30 |"
    rows = summarize(finished).set_index(["method", "requested"])
    cells = [
        " / ".join(f"{rows.loc[('ers', n), name]:.4f}" for name in ("ASA", "BR", "CD"))
        for n in COUNTS
    ]
    assert wide[2] == f"| ers | {cells[0]} | {cells[1]} |"
    for name in ("averages", "differences"):
        assert "CD" in (folder / f"tables/{name}.csv").read_text()


def test_recall_is_drawn_against_contour_density(folder):
    figure = (folder / "figures/BR-CD.svg").read_text()
    for text in ("Contour density", "Boundary recall", "ers", "snic", "oracle"):
        assert f">{text}" in figure
    page = (folder / "report.html").read_text()
    assert 'id="figure-BR-CD"' in page
    assert "not ranked by contour density" in page


def test_tables_without_contour_density(finished, tmp_path):
    for name in ("run.json", "table.parquet"):
        shutil.copy(finished.folder / name, tmp_path)
    older = finished.table.drop(columns="contour_density")
    older.to_parquet(tmp_path / "table.parquet")
    page = write_report(tmp_path).read_text()
    assert "of an earlier version: CD." in page
    assert "not ranked by" not in page
    assert not (tmp_path / "figures/BR-CD.svg").exists()
    summary = pd.read_csv(tmp_path / "tables/summary.csv")
    assert "CD" not in summary
    np.testing.assert_allclose(summary["BR"], summarize(finished)["BR"], rtol=1e-5)
    with pytest.raises(ValueError, match="earlier version, without CD; run the bench"):
        CurveDisplay.from_results(older, metrics=["BR"], against="CD")
    density = {"CD": METRICS["contour_density"]}
    with pytest.raises(ValueError, match="has no score of the protocol 'density'"):
        summarize(older, Protocol("density", "mean", density, "Contour density."))
    # Without boundary recall it is no table of this protocol.
    with pytest.raises(KeyError, match="boundary_recall"):
        summarize(older.drop(columns="boundary_recall"))


@pytest.mark.slow
def test_the_same_results_give_the_same_files(folder, tmp_path):
    write_report(folder, tmp_path)
    for path in tmp_path.rglob("*.*"):
        assert path.read_bytes() == (folder / path.relative_to(tmp_path)).read_bytes()


def test_page_needs_no_other_file(folder):
    page = (folder / "report.html").read_text()
    links = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(link.startswith(("#", "data:")) for link in links)
    assert "url(http" not in page


@pytest.mark.slow
def test_other_protocols(folder, tmp_path):
    page = write_report(folder, tmp_path, protocol="stutz2018").read_text()
    assert "Stutz et al., CVIU 2018" in page
    assert (tmp_path / "figures/UE.svg").exists()
    assert (tmp_path / "figures/Rec-CD.svg").exists()
    with pytest.raises(ValueError, match="no protocol 'cvpr'"):
        write_report(folder, tmp_path, protocol="cvpr")


@pytest.mark.slow
def test_without_photographs(folder, tmp_path):
    page = write_report(folder, tmp_path, pictures=False).read_text()
    assert "data:image/jpeg" not in page
    assert "data:image/jpeg" in (folder / "report.html").read_text()


@pytest.mark.slow
def test_names_may_hold_anything(data, tmp_path):
    odd = "</script><b>we$ird_&%#{}|"
    names = [f"{i}<!--<script>" for i in range(3)]
    other = Dataset(data.name, data.images, data.annotations, names)
    methods = {odd.replace("/", ""): SNICSuperpixels(), "ers": ERSSuperpixels()}
    run_benchmark(other, methods, [10], tmp_path)
    page = write_report(tmp_path).read_text()
    assert "<!--" not in page.split("<body>")[1]
    assert page.count("<script") == page.count("</script>") == 2
    latex = (tmp_path / "tables/wide.tex").read_text()
    assert r"<b>we\$ird\_\&\%\#\{\}|" in latex
    assert r"\|" in (tmp_path / "tables/wide.md").read_text()


@pytest.mark.slow
def test_one_method_and_label_maps_without_times(data, tmp_path):
    (tmp_path / "maps").mkdir()
    for name, image in zip(data.names, data.images, strict=True):
        np.save(tmp_path / f"maps/{name}.npy", np.zeros(image.shape[:2], dtype=int))
    run_benchmark(data, [str(tmp_path / "maps")], [1], tmp_path / "out")
    page = write_report(tmp_path / "out").read_text()
    assert "Which differences are real" not in page
    assert not (tmp_path / "out/figures/time.svg").exists()
    assert "nan" not in (tmp_path / "out/tables/summary.md").read_text()


def test_most_different_images_come_first():
    table = pd.DataFrame(
        [
            {"image": image, "method": method, "requested": 9, "asa": asa}
            for image, values in {
                "alike": (0.9, 0.9, 1.0),
                "apart": (0.6, 0.9, 1.0),
                "between": (0.8, 0.9, 1.0),
            }.items()
            for method, asa in zip(("a", "b", "oracle"), values, strict=True)
        ]
    )
    assert most_different(table) == ["apart", "between", "alike"]
    assert most_different(table, 1) == ["apart"]


# In a browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A headless Chromium, or skip."""
    pytest.importorskip("selenium")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    programs = [
        shutil.which(n) for n in ("chromium", "chromium-browser", "google-chrome")
    ]
    program, driver = next(filter(None, programs), None), shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip("needs Chromium and its chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--window-size=1300,1600",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options, Service(driver))
    yield browser
    browser.quit()


@pytest.fixture
def page(browser, folder):
    browser.get((folder / "report.html").as_uri())
    yield browser
    errors = [e for e in browser.get_log("browser") if e["level"] == "SEVERE"]
    assert errors == []


def texts(page, selector):
    from selenium.webdriver.common.by import By

    return [element.text for element in page.find_elements(By.CSS_SELECTOR, selector)]


def wait(page, condition):
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.support.ui import WebDriverWait

    # The page may be drawing anew what was just found.
    stale = [StaleElementReferenceException]
    return WebDriverWait(page, 20, ignored_exceptions=stale).until(condition)


def set_value(page, selector, value):
    page.execute_script(
        "const e = document.querySelector(arguments[0]); e.value = arguments[1];"
        "e.dispatchEvent(new Event('input'));",
        selector,
        value,
    )


def yellow_pixels(page, method):
    """Pixels of a method's tile that have the colour of boundaries."""
    return page.execute_script(
        "const c = document.querySelector(`[data-method=${arguments[0]}] canvas`);"
        "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "let n = 0; for (let i = 0; i < d.length; i += 4)"
        " n += d[i] === 255 && d[i + 1] === 225 && d[i + 2] === 0; return n;",
        method,
    )


def test_sentences_and_figures_are_shown(page):
    assert len(texts(page, "#sentences li")) == 2
    assert texts(page, "#sentences li")[0].startswith("ASA: oracle")
    assert len(texts(page, "figure svg")) == 5
    sizes = page.execute_script(
        "return [...document.querySelectorAll('figure svg')]"
        ".map(s => s.getBoundingClientRect().height)"
    )
    assert min(sizes) > 100


def test_a_click_on_a_heading_sorts(page):
    from selenium.webdriver.common.by import By

    heading = page.find_element(By.XPATH, "//table[@id='summary']//th[text()='BR']")
    column = "#summary td:nth-child(7)"
    heading.click()
    rising = [float(text) for text in texts(page, column)]
    assert rising == sorted(rising)
    heading.click()
    assert [float(text) for text in texts(page, column)] == rising[::-1]
    method = page.find_element(By.XPATH, "//table[@id='summary']//th[text()='method']")
    method.click()
    names = texts(page, "#summary td:first-child")
    assert names == sorted(names)
    assert len(names) == 6


def test_slider_and_choices_draw_boundaries_over_the_photograph(page, folder, finished):
    wait(page, lambda p: len(texts(p, ".tile p")) == 3)
    assert texts(page, "#image option") == most_different(finished.table)
    set_value(page, "#count", "0")
    wait(page, lambda p: "ers: 10 superpixels" in texts(p, ".tile p")[0])
    few = yellow_pixels(page, "ers")
    set_value(page, "#count", "1")
    wait(page, lambda p: "ers: 30 superpixels" in texts(p, ".tile p")[0])
    many = yellow_pixels(page, "ers")
    assert 0 < few < many

    # They are the boundaries of the method's own label map on this image.
    table = finished.table
    rows = table[
        (table["image"] == most_different(table)[0])
        & (table["method"] == "ers")
        & (table["requested"] == COUNTS[1])
    ]
    assert many == round(rows.iloc[0]["contour_density"] * 40 * 48)

    page.execute_script("document.querySelector('#show-lines').click()")
    wait(page, lambda p: yellow_pixels(p, "ers") < few)
    set_value(page, "#image", "1")
    wait(page, lambda p: len(texts(p, ".tile p")) == 3)


def test_page_without_photographs_has_no_browser(browser, folder, tmp_path):
    path = write_report(folder, tmp_path, pictures=False)
    browser.get(path.as_uri())
    assert not browser.execute_script(
        "return document.querySelector('#browser').checkVisibility()"
    )
    errors = [e for e in browser.get_log("browser") if e["level"] == "SEVERE"]
    assert errors == []
