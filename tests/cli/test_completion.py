import shutil
import subprocess

import pytest


@pytest.fixture(scope="module")
def bash(start, tmp_path_factory):
    """Function from the words of a command line to what bash completes the last to."""
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    folder = tmp_path_factory.mktemp("completion")
    script = folder / "seal-sk.bash"
    script.write_text(start("completion", "bash").stdout)
    (folder / "photos").mkdir()
    (folder / "photo.png").touch()

    def complete(*words):
        code = """
        script=$1; shift
        source "$script"
        function=$(complete -p seal-sk | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
        "$function" "$1" "${COMP_WORDS[COMP_CWORD]}"
        printf '%s\\n' "${COMPREPLY[@]}"
        """
        done = subprocess.run(
            ["bash", "-c", code, "bash", str(script), *words],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return set(done.stdout.split())

    return complete


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("seal-sk se", {"segment"}),
        ("seal-sk weights l", {"list"}),
        ("seal-sk segment --fo", {"--force", "--format"}),
        ("seal-sk segment --method s", {"seal", "seeds", "slic", "snic"}),
        ("seal-sk segment pho", {"photo.png", "photos"}),
        ("seal-sk segment x --weights pho", {"photo.png", "photos"}),
        ("seal-sk segment x -o pho", {"photos"}),
        ("seal-sk train --data pho", {"photos"}),
        ("seal-sk completion t", {"tcsh"}),
    ],
)
def test_bash_completes(bash, line, expected):
    assert bash(*line.split()) == expected


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_other_shells_take_the_script(start, shell):
    script = start("completion", shell).stdout
    for word in ("segment", "weights", "n-segments", "snic"):
        assert word in script
    if shutil.which(shell):
        done = subprocess.run(
            [shell, "-n"], input=script, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")
