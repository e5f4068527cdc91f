"""An ONNX graph has the products of the network that it was exported from; nothing in it is dropped silently."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lightloop.errors import InputError
from lightloop.workload import Workload, workload, workload_from_torch

onnx = pytest.importorskip("onnx")
helper, T = onnx.helper, onnx.TensorProto


def stored(name: str, *shape: int, kind: int = T.FLOAT, values: Any = None) -> Any:
    """A tensor of the file; zeros if no values are given."""
    import numpy as np

    array = np.zeros(shape, helper.tensor_dtype_to_np_dtype(kind)) if values is None else np.array(values)
    return onnx.numpy_helper.from_array(array, name)


def saved(
    folder: Path,
    nodes: list[Any],
    inputs: dict[str, tuple[Any, ...]],
    weights: list[Any],
    *,
    kinds: dict[str, int] | None = None,
    output: str = "y",
    opset: int = 23,
) -> Path:
    """A graph as a file."""
    values = [helper.make_tensor_value_info(n, (kinds or {}).get(n, T.FLOAT), shape) for n, shape in inputs.items()]
    result = helper.make_tensor_value_info(output, (kinds or {}).get(output, T.FLOAT), None)
    graph = helper.make_graph(nodes, "graph", values, [result], initializer=weights)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("own.domain", 1)]
    path = folder / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets), str(path))
    return path


def shape_of(run: Workload) -> list[tuple[Any, ...]]:
    return [(p.m, p.k, p.n, p.heads, p.repeat, p.dynamic, p.kind) for p in run.products]


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.qkv, self.proj = nn.LayerNorm(16), nn.Linear(16, 48), nn.Linear(16, 16)
        self.up, self.down = nn.Linear(16, 64), nn.Linear(64, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, t, d = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(b, t, 3, 2, d // 2).permute(2, 0, 3, 1, 4)
        x = x + self.proj(((q @ k.transpose(-1, -2)).softmax(-1) @ v).transpose(1, 2).reshape(b, t, d))
        return x + self.down(self.up(x).relu())


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(50, 16), nn.Linear(16, 50, bias=False)
        self.layers = nn.ModuleList(Layer() for _ in range(2))

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        x = self.embed(words)
        for layer in self.layers:
            x = layer(x)
        return self.head(x)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small language model with open sizes, exported by torch."""
    pytest.importorskip("onnxscript")
    path = tmp_path_factory.mktemp("onnx") / "words.onnx"
    sizes = {"words": {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence")}}
    torch.manual_seed(0)
    words = torch.zeros(2, 5, dtype=torch.long)
    program = torch.onnx.export(Words().eval(), (words,), dynamo=True, dynamic_shapes=sizes, verbose=False)
    assert program is not None
    program.save(str(path), external_data=True)  # the weights beside it
    return path


def test_an_exported_graph_has_the_workload_of_its_module(exported: Path) -> None:
    read = workload(exported, batch=3, tokens=7)
    traced = workload_from_torch(Words(), torch.zeros(3, 7, dtype=torch.long))
    assert read.products == traced.products
    assert read.vector_work == traced.vector_work
    assert (read.tokens, read.batch, read.unpriced) == (21, 3, ())


def test_weights_beside_the_file_are_not_needed(exported: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.onnx"
    alone.write_bytes(exported.read_bytes())
    assert workload(alone, tokens=7).products == workload(exported, tokens=7).products


def test_open_sizes_that_nothing_binds_are_listed(exported: Path) -> None:
    with pytest.raises(InputError, match=r"words\[1\] is open \(sequence\)") as caught:
        workload(exported)
    assert "words[batch, sequence]" in str(caught.value)
    assert workload(exported, sizes={"batch": 3, "sequence": 7}).macs == workload(exported, batch=3, tokens=7).macs


def test_all_that_cannot_be_bound_at_once(tmp_path: Path) -> None:
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    path = saved(tmp_path, [node], {"x": ("rows", None, 8)}, [stored("w", 8, 4)])
    with pytest.raises(InputError) as caught:
        workload(path, batch=2, tokens=4, sizes={"rws": 3})
    wanted = ["5 mistakes", "x[0] is open (rows)", "x[1] is open", "'rws'", "batch = 2 binds nothing", "tokens = 4"]
    assert all(part in str(caught.value) for part in wanted), caught.value
    assert workload(path, sizes={"rows": 3, "x[1]": 5}).macs == 3 * 5 * 8 * 4
    with pytest.raises(InputError, match="has no phases"):
        workload(path, phase="decode")


def test_shapes_that_are_computed_at_run_time_are_worked_out(tmp_path: Path) -> None:
    """Flatten the leading axes the way older exporters do: Shape, Gather, Mul, Concat, Reshape."""
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["b"]),
        helper.make_node("Gather", ["s", "one"], ["t"]),
        helper.make_node("Mul", ["b", "t"], ["bt"]),
        helper.make_node("ReduceProd", ["bt"], ["rows"], keepdims=1),  # the inference does not follow this one
        helper.make_node("Concat", ["rows", "width"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w"], ["y"], transB=1),
    ]
    int64 = {"kind": T.INT64}
    weights = [stored("zero", values=[0], **int64), stored("one", values=[1], **int64),
               stored("width", values=[8], **int64), stored("w", 4, 8)]  # fmt: skip
    path = saved(tmp_path, nodes, {"x": ("batch", "seq", 8)}, weights)
    assert shape_of(workload(path, batch=2, tokens=5)) == [(4, 8, 10, 1, 1, False, "linear")]


@pytest.mark.parametrize(
    ("node", "inputs", "weights", "expected"),
    [
        (("MatMul", ["x", "w"], {}), {"x": (2, 3, 8)}, [("w", 8, 4)], [(4, 8, 6, 1, 1, False, "linear")]),
        (("MatMul", ["w", "x"], {}), {"x": (2, 8, 3)}, [("w", 4, 8)], [(4, 8, 6, 1, 1, False, "linear")]),
        (("MatMul", ["x", "w"], {}), {"x": (2, 5, 3, 8)}, [("w", 5, 8, 4)], [(4, 8, 6, 5, 1, False, "linear")]),
        (("MatMul", ["x", "z"], {}), {"x": (2, 5, 3, 8), "z": (2, 1, 8, 7)}, [],
         [(15, 8, 7, 2, 1, True, "attention")]),
        (("MatMul", ["x", "w"], {}), {"x": (8,)}, [("w", 8, 4)], [(4, 8, 1, 1, 1, False, "linear")]),
        (("Gemm", ["x", "w"], {"transA": 1, "transB": 1}), {"x": (8, 3)}, [("w", 4, 8)],
         [(4, 8, 3, 1, 1, False, "linear")]),
        (("Conv", ["x", "w"], {"pads": [1, 1, 1, 1], "strides": [2, 2]}), {"x": (1, 3, 8, 8)}, [("w", 6, 3, 3, 3)],
         [(6, 27, 16, 1, 1, False, "convolution")]),
        (("Conv", ["x", "w"], {"group": 4}), {"x": (2, 4, 8, 8)}, [("w", 4, 1, 3, 3)],
         [(1, 9, 72, 4, 1, False, "convolution")]),
        (("ConvTranspose", ["x", "w"], {"strides": [2, 2]}), {"x": (1, 8, 4, 4)}, [("w", 8, 3, 2, 2)],
         [(12, 8, 16, 1, 1, False, "convolution")]),
        (("Einsum", ["x", "z"], {"equation": "bhqd,bhkd->bhqk"}), {"x": (2, 3, 5, 8), "z": (2, 3, 7, 8)}, [],
         [(5, 8, 7, 6, 1, True, "attention")]),
        (("Einsum", ["x", "w"], {"equation": "...d,de"}), {"x": (2, 5, 8)}, [("w", 8, 4)],
         [(4, 8, 10, 1, 1, False, "linear")]),
        (("LSTM", ["x", "w", "r"], {"hidden_size": 6}), {"x": (5, 2, 4)}, [("w", 1, 24, 4), ("r", 1, 24, 6)],
         [(24, 4, 10, 1, 1, False, "linear"), (24, 6, 2, 1, 5, False, "linear")]),
        (("Attention", ["x", "z", "v"], {}), {"x": (2, 8, 5, 4), "z": (2, 2, 7, 4), "v": (2, 2, 7, 6)}, [],
         [(20, 4, 7, 4, 1, True, "attention"), (20, 7, 6, 4, 1, True, "attention")]),
    ],
)  # fmt: skip
def test_products_of_single_operations(
    node: tuple[str, list[str], dict[str, Any]],
    inputs: dict[str, tuple[int, ...]],
    weights: list[tuple[Any, ...]],
    expected: list[tuple[Any, ...]],
    tmp_path: Path,
) -> None:
    operation, names, attributes = node
    made = helper.make_node(operation, names, ["y"], **attributes)
    read = workload(saved(tmp_path, [made], inputs, [stored(name, *shape) for name, *shape in weights]))
    assert shape_of(read) == expected


@pytest.mark.parametrize(("queries", "expected"), [(8, (20, 16, 7, 2)), (1, (5, 16, 56, 1))])
def test_keys_that_a_group_of_heads_shares_are_one_operand(
    queries: int, expected: tuple[int, ...], tmp_path: Path
) -> None:
    """Two key heads are expanded to eight; eight query heads, or one that meets all of them."""
    nodes = [
        helper.make_node("Unsqueeze", ["k", "axis"], ["k5"]),
        helper.make_node("Expand", ["k5", "wide"], ["many"]),
        helper.make_node("Reshape", ["many", "flat"], ["keys"]),
        helper.make_node("Transpose", ["keys"], ["turned"], perm=[0, 1, 3, 2]),
        helper.make_node("MatMul", ["q", "turned"], ["y"]),
    ]
    weights = [
        stored("axis", values=[2]),
        stored("wide", values=[1, 2, 4, 7, 16]),
        stored("flat", values=[1, 8, 7, 16]),
    ]
    path = saved(tmp_path, nodes, {"q": (1, queries, 5, 16), "k": (1, 2, 7, 16)}, weights)
    (product,) = workload(path).products
    assert (product.m, product.k, product.n, product.heads) == expected
    assert product.macs == 8 * 5 * 16 * 7


def test_quantised_products_are_products(tmp_path: Path) -> None:
    ints = {"x": T.UINT8, "y": T.INT32}
    nodes = [helper.make_node("MatMulInteger", ["x", "w"], ["y"])]
    path = saved(tmp_path, nodes, {"x": (3, 8)}, [stored("w", 8, 4, kind=T.INT8)], kinds=ints)
    assert workload(path).macs == 3 * 8 * 4
    names = ["x", "s", "z", "w", "s", "z", "s", "z"]
    weights = [stored("w", 6, 3, 3, 3, kind=T.UINT8), stored("s"), stored("z", kind=T.UINT8)]
    nodes = [helper.make_node("QLinearConv", names, ["y"])]
    path = saved(tmp_path, nodes, {"x": (1, 3, 8, 8)}, weights, kinds={"x": T.UINT8, "y": T.UINT8})
    assert workload(path).macs == 6 * 27 * 36
    assert workload(path).parameters == 6 * 27


def test_a_recurrent_layer_counts_as_in_torch(tmp_path: Path) -> None:
    lstm = nn.LSTM(4, 6)
    traced = workload_from_torch(lstm, torch.zeros(5, 2, 4))
    node = helper.make_node("LSTM", ["x", "w", "r"], ["y"], hidden_size=6)
    read = workload(saved(tmp_path, [node], {"x": (5, 2, 4)}, [stored("w", 1, 24, 4), stored("r", 1, 24, 6)]))
    assert read.macs == traced.macs
    assert read.vector_work.activation == traced.vector_work.activation
    assert [p.weight_sets for p in read.products] == [p.weight_sets for p in traced.products] == [None, 1]


def test_both_directions_of_a_recurrent_layer_have_weights_of_their_own(tmp_path: Path) -> None:
    node = helper.make_node("GRU", ["x", "w", "r"], ["y"], hidden_size=6, direction="bidirectional")
    read = workload(saved(tmp_path, [node], {"x": (5, 2, 4)}, [stored("w", 2, 18, 4), stored("r", 2, 18, 6)]))
    assert [(p.repeat, p.weight_sets) for p in read.products] == [(2, None), (10, 2)]
    assert sum(p.m * p.k * (p.weight_sets or p.repeat) for p in read.products) == read.parameters


def test_layers_that_share_a_stored_weight_say_so(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], name="layers.0.proj"),
        helper.make_node("Transpose", ["v"], ["one"]),
        helper.make_node("MatMul", ["a", "one"], ["b"], name="layers.1.proj"),
        helper.make_node("Transpose", ["v"], ["two"]),
        helper.make_node("MatMul", ["b", "two"], ["c"], name="layers.2.proj"),
        helper.make_node("MatMul", ["c", "w"], ["y"], name="layers.3.proj"),
    ]
    negative = [stored(name, values=[[-1.0] * 8] * 8) for name in ("w", "v")]
    (product,) = workload(saved(tmp_path, nodes, {"x": (3, 8)}, negative, kinds=dict.fromkeys("xy", T.DOUBLE))).products
    assert (product.repeat, product.weight_sets) == (4, 2)


def test_signs_are_known_after_softmax_and_relu(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Softmax", ["x"], ["p"], axis=-1),
        helper.make_node("Transpose", ["p"], ["q"], perm=[1, 0]),
        helper.make_node("MatMul", ["q", "x"], ["a"]),
        helper.make_node("Relu", ["a"], ["r"]),
        helper.make_node("MatMul", ["r", "w"], ["y"]),
    ]
    first, second = workload(saved(tmp_path, nodes, {"x": (6, 8)}, [stored("w", 8, 4)])).products
    assert (first.nonnegative, first.dynamic) == ("left", True)
    assert (second.nonnegative, second.dynamic) == ("right", False)


def test_what_is_no_product_is_listed_with_its_size(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("MaxPool", ["c"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Resize", ["p", "", "scales"], ["r"], mode="linear"),
        helper.make_node("Mystic", ["r"], ["y"], domain="own.domain"),
    ]
    weights = [stored("w", 4, 3, 1, 1), stored("scales", values=[1.0, 1.0, 2.0, 2.0], kind=T.FLOAT)]
    path = saved(tmp_path, nodes, {"x": (1, 3, 8, 8)}, weights)
    model = onnx.load(str(path))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", T.FLOAT, (1, 4, 8, 8)))
    model.graph.initializer[1].CopyFrom(
        stored("scales", values=onnx.numpy_helper.to_array(weights[1]).astype("float32"))
    )
    onnx.save(model, str(path))
    read = workload(path)
    assert {entry.operation: entry.flops for entry in read.unpriced} == {
        "MaxPool": 4 * 4 * 4 * 4,
        "Resize": 2 * 4 * 4 * 8 * 8,
        "own.domain.Mystic": 4 * 8 * 8,
    }
    assert sum(read.unpriced_shares().values()) == pytest.approx(1 - 2 * read.macs / read.flops)


def test_all_that_cannot_be_priced_at_once(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Mystic", ["x"], ["a"], domain="own.domain", name="first"),
        helper.make_node("MatMul", ["a", "w"], ["b"], name="hangs_on_it"),
        helper.make_node("FusedMatMul", ["x", "w"], ["c"], domain="own.domain", name="second"),
        helper.make_node("Einsum", ["x", "w", "w"], ["d"], equation="ab,bb,bb->ab", name="third"),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    with pytest.raises(InputError) as caught:
        workload(saved(tmp_path, nodes, {"x": (3, 8)}, [stored("w", 8, 8)]))
    message = str(caught.value)
    assert all(part in message for part in ("3 mistakes", "first", "own.domain", "second", "third")), message
    assert "hangs_on_it" not in message
    assert caught.value.exit_code == 2


def test_mistakes_of_all_sorts_do_not_hide_each_other(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Mystic", ["x"], ["a"], domain="other.domain", name="foreign"),
        helper.make_node("MatMul", ["a", "nowhere"], ["b"], name="unfed"),
        helper.make_node("MatMul", ["z", "w"], ["c"], name="crooked"),
        helper.make_node("Relu", ["late"], ["d"], name="early"),
        helper.make_node("MatMul", ["z", "v"], ["late"]),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    path = saved(tmp_path, nodes, {"x": ("rows", 8), "z": (4, 9)}, [stored("w", 8, 8), stored("v", 9, 8)])
    with pytest.raises(InputError) as caught:
        workload(path)
    message = str(caught.value)
    wanted = ["5 mistakes", "x[0] is open (rows)", "foreign", "no operator set for its domain 'other.domain'", "unfed",
              "'nowhere' is undefined", "crooked", "9 != 8", "'late' is made after it", "sizes=", "--size"]  # fmt: skip
    assert all(part in message for part in wanted), message
    with pytest.raises(InputError, match="4 mistakes"):
        workload(path, sizes={"rows": 3})


@pytest.mark.parametrize(
    ("node", "inputs", "weight", "wanted"),
    [
        (("MatMul", {}), {"x": (4, 9)}, (8, 8), "9 != 8"),
        (("MatMul", {}), {"x": (2, 4, 8)}, (3, 8, 8), "2 != 3"),
        (("Gemm", {"transA": 1}), {"x": (4, 9)}, (8, 8), "4 != 8"),
        (("Conv", {"group": 2}), {"x": (1, 6, 5, 5)}, (4, 2, 3, 3), "6 != 4"),
        (("ConvTranspose", {}), {"x": (1, 6, 5, 5)}, (4, 2, 3, 3), "6 != 4"),
        (("Einsum", {"equation": "...ab,bc->...ac"}), {"x": (2, 4, 9)}, (8, 8), "9 != 8"),
    ],
)
def test_operands_that_do_not_fit_are_told_by_their_sizes(
    node: tuple[str, dict[str, Any]],
    inputs: dict[str, tuple[int, ...]],
    weight: tuple[int, ...],
    wanted: str,
    tmp_path: Path,
) -> None:
    operation, attributes = node
    made = helper.make_node(operation, ["x", "w"], ["y"], name="it", **attributes)
    with pytest.raises(InputError, match=wanted) as caught:
        workload(saved(tmp_path, [made], inputs, [stored("w", *weight)]))
    assert "fixed shapes" not in str(caught.value)


def test_sizes_that_are_no_numbers_are_mistakes_too(tmp_path: Path) -> None:
    path = saved(tmp_path, [helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": ("n", "seq", 8)}, [stored("w", 8, 8)])
    with pytest.raises(InputError, match="2 mistakes"):
        workload(path, batch=0, sizes={"seq": "3"})  # type: ignore[dict-item]


def test_control_flow_is_refused(tmp_path: Path) -> None:
    empty = helper.make_tensor_value_info("inner", T.FLOAT, (3, 4))
    branch = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["inner"])], "branch", [], [empty])
    node = helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch)
    path = saved(tmp_path, [node], {"x": (3, 8), "yes": ()}, [stored("w", 8, 4)], kinds={"yes": T.BOOL})
    with pytest.raises(InputError, match="control flow"):
        workload(path)


def test_sizes_that_the_data_decide_are_not_dropped(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("NonZero", ["a"], ["places"]),
        helper.make_node("Cast", ["places"], ["numbers"], to=T.FLOAT),
        helper.make_node("Add", ["numbers", "half"], ["y"]),
    ]
    read = workload(saved(tmp_path, nodes, {"x": (3, 8)}, [stored("w", 8, 4), stored("half")]))
    assert [entry.operation for entry in read.unpriced] == ["NonZero", "Add (of a size known at run time only)"]


@pytest.mark.parametrize(("content", "wanted"), [(b"\xff\xff", "as an ONNX graph"), (b"", "no matrix product")])
def test_a_file_that_is_no_graph(content: bytes, wanted: str, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(InputError, match=wanted):
        workload(path)


def test_without_the_package_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from lightloop.errors import MissingProgramError

    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingProgramError, match="pip install"):
        workload(tmp_path / "net.onnx")
