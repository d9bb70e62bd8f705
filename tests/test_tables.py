"""Tables of one's own on the command line: from a CSV to predictions, and what is said of bad ones."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from typer.testing import CliRunner

from qdl import tabular
from qdl.cli import app

STEPS = ("--steps", "6")


def customers(n=160, seed=0):
    """Mixed columns with gaps, one that is constant, a name, a counter, and few that leave."""
    rng = np.random.default_rng(seed)
    age, plan = rng.integers(18, 80, n).astype(float), rng.choice(["basic", "family", "max"], n)
    income = np.exp(rng.normal(10, 0.4, n)).round(2)
    leaves = -0.06 * (age - 45) + 1.5 * (plan == "basic") + rng.normal(0, 0.4, n) > 1.2
    age[rng.random(n) < 0.05] = np.nan
    plan = pd.Series(plan).where(rng.random(n) > 0.04)
    return pd.DataFrame({
        "number": np.arange(n), "age": age, "income": income, "plan": plan, "country": "DE",
        "who": [f"c{i}x" for i in range(n)], "calls": rng.poisson(2, n),
        "churn": np.where(leaves, "yes", "no"),
    })  # fmt: skip


@pytest.fixture
def command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    customers().to_csv("data.csv", index=False)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on the table, of a few steps."""
    folder = tmp_path_factory.mktemp("run")
    customers().to_csv(folder / "data.csv", index=False)
    words = ["train", str(folder / "data.csv"), "--target", "churn", *STEPS, "--out"]
    result = CliRunner().invoke(app, [*words, str(folder / "run")])
    assert result.exit_code == 0, result.output
    return folder / "run", result.output


def refused(result):
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("Error: ")
    return line


# ---- train, predict, evaluate


def test_what_is_left_out_and_filled_is_said_and_the_classes_have_their_names(run):
    folder, said = run
    assert "number is left out: it counts the rows" in said
    assert "country is left out: it has one value, 'DE'" in said
    assert "who is left out: it has 160 different texts in 160 rows" in said
    assert "gap(s) take the median" in said
    for word in ("balanced accuracy", "F1 of yes", "ROC", "calibration error", "most frequent"):
        assert word in said
    for name in ("training.png", "figures.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    saved = json.loads((folder / "table.json").read_text())["notes"]
    assert saved["numbers"] == ["age", "income", "calls"]
    assert saved["categories"] == [["plan", ["basic", "family", "max", "(missing)"]]]
    assert saved["target"]["classes"] == ["no", "yes"]
    last = json.loads((folder / "summary.jsonl").read_text())
    assert 0 <= last["test_balanced_accuracy"] <= 1 and sum(map(sum, last["test_confusion"])) == 40


def test_predictions_have_the_names_of_the_user_in_the_order_of_the_rows(run, command, tmp_path):
    rows = customers(30, seed=5)
    rows.to_csv("whole.csv", index=False)
    rows.drop(columns=["churn", "who", "country"])[["plan", "calls", "age", "income"]].to_csv(
        "new.csv", index=False
    )
    for name in ("whole", "new"):
        result = command("predict", run[0], f"{name}.csv", "--out", f"{name}.out.csv")
        assert result.exit_code == 0, result.output
    found = pd.read_csv("new.out.csv")
    assert list(found) == ["churn", "probability_no", "probability_yes"] and len(found) == 30
    assert np.allclose(found.probability_no + found.probability_yes, 1, atol=1e-5)
    assert (
        found.churn == np.where(found.probability_yes > found.probability_no, "yes", "no")
    ).all()
    assert (tmp_path / "new.out.csv").read_text() == (tmp_path / "whole.out.csv").read_text()
    reversed_rows = rows[::-1]
    reversed_rows.to_csv("back.csv", index=False)
    back = command("predict", run[0], "back.csv")
    assert (
        back.stdout.splitlines()[1:] == (tmp_path / "new.out.csv").read_text().splitlines()[:0:-1]
    )


def test_evaluation_is_scikit_learns(run, command):
    from sklearn import metrics

    rows = customers(60, seed=6)
    rows.to_csv("test.csv", index=False)
    assert command("predict", run[0], "test.csv", "--out", "p.csv").exit_code == 0
    result = command("evaluate", run[0], "test.csv", "--plot", "e.png")
    assert result.exit_code == 0, result.output
    found = pd.read_csv("p.csv")
    y, p = rows.churn == "yes", found.probability_yes
    shown = {
        "accuracy": metrics.accuracy_score(y, found.churn == "yes"),
        "balanced accuracy": metrics.balanced_accuracy_score(y, found.churn == "yes"),
        "F1 of yes": metrics.f1_score(y, found.churn == "yes"),
        "area under the ROC curve": metrics.roc_auc_score(y, p),
        "log loss": metrics.log_loss(y, p),
    }
    for name, value in shown.items():
        [line] = [each for each in result.stdout.splitlines() if re.match(rf"│ {name} +│", each)]
        assert f"{value:.3f}" in line
    with open("e.png", "rb") as file:
        assert file.read(4) == b"\x89PNG"


def test_numbers_and_several_of_them_are_predicted_in_their_units(command):
    rng = np.random.default_rng(1)
    X = rng.uniform(-1, 1, (80, 3))
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame["price"], frame["weight"] = 1000 + 300 * np.sin(X[:, 0]), X[:, 1] / 50
    frame.to_parquet("data.parquet")
    result = command(
        "train", "data.parquet", "--target", "price,weight", "--steps", 40, "--out", "r"
    )
    assert result.exit_code == 0, result.output
    assert "root mean square error of weight" in result.output and "test R2" in result.output
    assert command("predict", "r", "data.parquet", "--out", "p.csv").exit_code == 0
    found = pd.read_csv("p.csv")
    assert list(found) == ["price", "weight"]
    assert np.corrcoef(found.price, frame.price)[0, 1] > 0.5 and found.weight.abs().max() <= 0.021
    result = command("evaluate", "r", "data.parquet")
    [line] = [each for each in result.stdout.splitlines() if "mean absolute error of price" in each]
    assert f"{np.abs(found.price - frame.price).mean():.4g}"[:4] in line


def test_a_run_on_a_table_goes_on_and_a_model_of_a_file_is_trained(command, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "import qdl\n"
        "def model(n_features, n_outputs):\n"
        "    layers = [qdl.layers.AngleEncoding(), qdl.layers.Rotation('xy')]\n"
        "    return qdl.QNN(n_features, layers, qdl.ExpZ(range(n_outputs)))\n"
        "def data(seed):\n"
        "    import numpy as np\n"
        "    X = np.random.default_rng(seed).normal(size=(40, 2))\n"
        "    return X, np.where(X[:, 0] > 0, 'up', 'down')\n"
    )
    words = ("--features", 2, "--model", "mine.py:model", "--steps", 4)
    result = command("train", "data.csv", "--target", "churn", *words)
    assert result.exit_code == 0, result.output
    assert "7 prepared columns become 2 principal components" in result.output
    monkeypatch.chdir(tmp_path / "runs")  # the folder knows where its table is
    (tmp_path / "runs" / "mine.py").write_text((tmp_path / "mine.py").read_text())
    result = command("train", "--resume", "data-model", "--steps", 6)
    assert result.exit_code == 0 and "data-model, 6 steps" in result.output, result.output
    assert command("predict", "data-model", "../data.csv").exit_code == 0
    result = command(
        "train", "mine.py:data", "--model", "mine.py:model", "--steps", 2, "--out", "d"
    )
    assert result.exit_code == 0 and "down" in result.output, result.output


def test_compare_takes_a_table(command):
    words = ("--steps", 4, "--seeds", 5, "--trials", 1, "--scoring", "balanced_accuracy")
    result = command("compare", "data.csv", "--target", "churn", *words)
    assert result.exit_code == 0, result.output
    assert "5-fold cross-validation" in result.output and "majority class" in result.output
    saved = json.loads(Path("runs/data-compare/comparison.json").read_text())
    last = saved["rows"][-1]
    assert (last["name"], last["scores"]) == ("majority class", [0.5] * 5)
    assert saved["tested"] == 160 and saved["ratio"] == 0.25


# ---- preparing


def test_preparing_is_scikit_learns_and_is_restored_exactly(tmp_path):
    frame = tabular.as_table(customers(), "x")
    train, said = np.arange(100), []
    names = ("churn", "who", "country", "number")
    learned = tabular.learn(frame, train, "x", said.append, names)
    X = learned.transform(frame, "x", said.append)
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categories = OneHotEncoder(
        categories=[["basic", "family", "max", "(missing)"]], sparse_output=False
    )
    columns = ["age", "income", "calls"]
    peer = ColumnTransformer([("n", numbers, columns), ("c", categories, ["plan"])])
    whole = customers().fillna({"plan": "(missing)"})
    expected = peer.fit(whole[:100]).transform(whole)
    expected[:, :3] = expected[:, :3].clip(-4, 4)
    assert np.allclose(X, expected, rtol=0, atol=1e-12)
    learned = tabular.projected(learned, X[:100], 3)
    (pca,) = learned.steps()
    learned = tabular.as_angles(learned, pca.transform(X[:100]))
    X = learned.transform(frame, "x", said.append)
    assert X.shape == (160, 3) and X.min() == 0 and X.max() == np.pi
    target, _ = tabular.learn_target(frame, ("churn",), None, "x", said.append)
    tabular.save(tmp_path, tabular.Saved(learned, target))
    again = tabular.load(tmp_path)
    assert again.target == target and again.preparation.categories == learned.categories
    assert np.array_equal(again.preparation.transform(frame, "x", said.append), X)


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        ([0, 1] * 8, None, ("0", "1")),
        ([1, 2, 3, 10] * 4, None, ("1", "2", "3", "10")),
        ([True, False] * 8, None, ("False", "True")),
        (["b", "a"] * 8, None, ("a", "b")),
        (list(range(16)), None, None),
        ([0.5, 1.5, 2.5, 1.0] * 4, None, None),
        ([0, 1] * 8, "regression", None),
        ([0.5, 1.5] * 8, "classification", ("0.5", "1.5")),
    ],
)
def test_what_is_predicted(values, task, classes):
    frame = tabular.as_table(pd.DataFrame({"y": values}), "x")
    target, there = tabular.learn_target(frame, ("y",), task, "x", lambda line: None)
    assert target.classes == classes and there.all()
    if classes is None:
        y = target.values(frame, "x")
        assert np.allclose(target.unscaled(target.scaled(y)), y)
        assert abs(target.scaled(y)).max() == 1
    else:
        assert [classes[i] for i in target.values(frame, "x")] == [str(v) for v in values]


# ---- what is said to bad tables

HEAD = "a,b,y\n"
ROWS = "".join(f"{i * 7 % 5},{'xyz'[i % 3]},{'pq'[i % 2]}\n" for i in range(20))
BAD = {
    "": "is empty. Expected a line with the names of the columns",
    "\n\n": "holds nothing but empty lines",
    HEAD: "has the columns 'a', 'b', 'y', but no rows",
    "1,2,3\n4,5,6\n": "begins with numbers ('1', '2', '3'), expected the names of the columns",
    "a,a,y\n1,2,p\n": "has two columns 'a'. Name every column differently",
    "a,,y\n1,2,p\n": "has no name for column 2",
    HEAD + "1,x,p\n1,x,q,7\n": "is no proper table: Expected 3 fields in line 3, saw 4",
    HEAD + "1,x,p,5\n1,x,q,7\n": "rows have more fields than the 3 names",
    HEAD + "\xe9,x,p\n": "is no text in UTF-8 (byte 0xe9)",
    HEAD + ROWS.replace("p", "q"): "y is 'q' in all 20 rows, so there is nothing to tell apart",
    HEAD + ROWS + "1,x,r\n": "y is 'r' in row 21 alone, but each class needs two rows",
    HEAD + ROWS + "wrong,x,p\n": "column 'a' holds numbers, but 'wrong' in row 21 (1 such in all)",
    HEAD + "1,x,p\n1,x,q\n" * 2: "has 4 rows with a target, too few to train on three quarters",
    HEAD + "7,x,p\n7,x,q\n" * 8: "has no column to learn from beside 'y'",
    "a,b,z\n" + ROWS: "has no column 'y'. Its columns: 'a', 'b', 'z'. Choose one with --target",
    "a;b;z\n1;2;3\n": "Its columns: 'a', 'b', 'z'",
    HEAD + "1,x,\n" * 9: "the column 'y' is empty",
}


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_bad_tables(command, tmp_path, text):
    (tmp_path / "bad.csv").write_bytes(text.encode("latin-1"))
    assert BAD[text] in refused(command("train", "bad.csv", "--target", "y"))
    assert BAD[text] in refused(command("compare", "bad.csv", "--target", "y"))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("train none.csv --target y", "none.csv. Give the path of a table: .csv, .tsv, .parquet"),
        ("train data.csv", "data.csv needs --target, the column to predict. Its columns: 'number', 'age'"),
        ("train data.csv --target churn --drop x", "has no column 'x'"),
        ("train data.csv --target churn,age", "classes|churn is"),
        ("train data.csv --target churn --task regression", "churn is 'no' in row 1, but numbers"),
        ("train data.csv --target churn --task guess", "task must be one of classification, regr"),
        ("train data.csv --target age --class-weight balanced", "weighs classes, but numbers are"),
        ("train data.csv --target churn --features 99", "features must be from 1 to 7"),
        ("train data.csv --dataset iris", "got both data.csv and --dataset iris"),
        ("train data.csv --target churn --model no.py:f", "no Python file no.py"),
        ("train gone.py:data", "no Python file gone.py. Expected (X, y)"),
        ("predict nowhere data.csv", "no folder nowhere"),
        ("predict . data.csv", "holds no run on a table: it has no table.json"),
        ("evaluate . data.csv", "holds no run on a table"),
        ("compare data.csv --target churn --scoring best", "scoring must be a function"),
        ("compare data.csv --target churn --scoring r2", "r2"),
    ],
)  # fmt: skip
def test_bad_words(command, tmp_path, words, said):
    line = refused(command(*words.split()))
    assert any(part in line for part in said.split("|")), line
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda f: f.drop(columns=["age", "plan"]),
            "has no column 'age', 'plan', which the model was",
        ),
        (
            lambda f: f.assign(age="old"),
            "column 'age' held numbers in training, but here 'old' in row 1",
        ),
        (lambda f: f[:0], "but no rows"),
    ],
)
def test_tables_that_do_not_fit_the_model(run, command, tmp_path, change, said):
    change(customers(9, seed=7)).to_csv("new.csv", index=False)
    assert said in refused(command("predict", run[0], "new.csv", "--out", "p.csv"))
    assert not (tmp_path / "p.csv").exists()


def test_what_training_never_saw_is_said(run, command):
    rows = customers(9, seed=7).assign(plan="gold", income=np.nan, churn="maybe")
    rows.to_csv("new.csv", index=False)
    result = command("predict", run[0], "new.csv")
    assert result.exit_code == 0
    assert (
        "plan has 'gold' in 9 row(s), the first one row 1, which training never saw"
        in result.stderr
    )
    assert "income is empty: its median in training stands for every row" in result.stderr
    assert "not looked at, as in training: 'number'" in result.stderr
    assert "churn = 'maybe' in row 1, expected one of the classes" in refused(
        command("evaluate", run[0], "new.csv")
    )


def test_tables_of_other_kinds(tmp_path):
    """Semicolons and decimal commas, tabs, a byte order mark, quotes, whole numbers as categories."""
    path = tmp_path / "a.csv"
    path.write_text('\ufeffa; b ;c\n1,5;x;"u;v"\n2;y;w\n', encoding="utf-8")
    frame = tabular.read_table(path)
    assert list(frame) == ["a", "b", "c"] and frame.a.tolist() == ["1.5", "2"]
    assert frame.c.tolist() == ["u;v", "w"]
    path = tmp_path / "a.tsv"
    path.write_text("a\tb\n1\tNA\n")
    assert tabular.read_table(path).b.tolist() == [None]
    frame = pd.DataFrame(
        {"n": [1, 2], "t": pd.to_datetime(["2024-01-01", "2024-02-01"]), "b": [True, None]}
    )
    frame.to_parquet(tmp_path / "a.parquet")
    found = tabular.read_table(tmp_path / "a.parquet")
    assert found.n.tolist() == [1.0, 2.0] and found.b.tolist() == ["True", None]
    assert found.t.tolist()[0].startswith("2024-01-01")
    (tmp_path / "no.parquet").write_text("no")
    with pytest.raises(ValueError, match="no.parquet is no Parquet file"):
        tabular.read_table(tmp_path / "no.parquet")


# ---- the page


def shell(text):
    return [
        line
        for block in re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S)
        for line in block.splitlines()
    ]


@pytest.fixture
def afternoon(tmp_path, monkeypatch):
    """The page, its first Python block run: the tables are there. And a way to run its commands quickly."""
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parent.parent / "docs" / "table.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    exec(compile(blocks[0] + blocks[1], "table.md", "exec"), {})

    def run(line):
        quick = {"train": ["--steps", "6"], "compare": ["--steps", "4", "--trials", "1"]}
        words = line.split()[1:]
        if "--resume" not in words:
            words += quick.get(words[0], [])
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, (line, result.output)
        return result.output

    return text, run


def test_the_afternoon_as_far_as_predictions(afternoon, tmp_path):
    text, run = afternoon
    lines = [line for line in shell(text) if "--seeds" not in line and "compare" not in line]
    assert [line.split()[1] for line in lines] == ["train", "predict", "evaluate", "train", "train"]
    said = run(lines[0])
    (console,) = re.findall(r"^```console\n(.*?)^```$", text, re.M | re.S)
    assert all(line in said for line in console.splitlines())
    for line in lines[1:3]:
        run(line)
    assert list(pd.read_csv("pred.csv")) == ["churn", "probability_no", "probability_yes"]
    assert (tmp_path / "test.png").exists()


@pytest.mark.slow
def test_the_rest_of_the_afternoon(afternoon):
    text, run = afternoon
    printed = [run(line) for line in shell(text)]
    assert len(printed) == 8 and "10 seeds" in printed[1] and "no entanglers" in printed[2]


def test_a_weight_decay_is_chosen_kept_and_gone_on_with(command, monkeypatch):
    from qdl.estimators import chosen

    monkeypatch.setattr(chosen, "chosen_decay", lambda *_, **__: 0.3)
    result = command("train", "data.csv", "--target", "churn", *STEPS, "--out", "a")
    assert result.exit_code == 0 and "weight decay 0.3: rows held out" in result.output
    assert json.loads(Path("a/config.json").read_text())["weight_decay"] == 0.3
    monkeypatch.setattr(chosen, "chosen_decay", lambda *_, **__: 1 / 0)  # not asked again
    assert command("train", "--resume", "a", "--steps", 8).exit_code == 0
    words = ("train", "data.csv", "--target", "churn", *STEPS, "--weight-decay")
    assert command(*words, 0, "--out", "b").exit_code == 0
    losses = [json.loads(Path(f"{n}/metrics.jsonl").read_text().split("\n")[4]) for n in "ab"]
    assert losses[0]["loss"] != losses[1]["loss"]
    result = command(*words, 0.1, "--model", "qcnn")
    assert result.exit_code == 2 and "is for the default model, reuploading" in result.stderr
