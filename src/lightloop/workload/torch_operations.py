"""What each operation of torch's dispatcher is to us: matrix products, element-wise work, a move, or unpriced work."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from lightloop.errors import InputError
from lightloop.workload.layers import expert_groups

# (m, k, n, products side by side, left operand, right operand)
Shapes = list[tuple[int, int, int, int, torch.Tensor, torch.Tensor]]

# Element-wise work by the kind that the cost model prices; every other element-wise operation counts as an addition.
KINDS = {
    "softmax": ("_softmax", "_log_softmax", "_safe_softmax"),
    "norm": ("native_layer_norm", "native_group_norm", "native_batch_norm", "_native_batch_norm_legit_no_training",
             "_fused_rms_norm"),
    "activation": ("gelu", "silu", "relu", "sigmoid", "tanh", "elu", "leaky_relu", "hardswish", "mish", "hardsigmoid",
                   "softplus", "hardtanh", "log_sigmoid_forward", "_prelu_kernel"),
}  # fmt: skip
KIND_OF = {operation: kind for kind, operations in KINDS.items() for operation in operations}
NEVER_NEGATIVE = {"_softmax", "_safe_softmax", "relu", "sigmoid", "hardsigmoid", "exp", "abs", "square"}
# Operations that copy numbers as they are, a number perhaps many times.
COPIES = {"clone", "_to_copy", "_unsafe_view", "repeat"}
# Operations that move numbers without changing their sign.
MOVES = COPIES | {
    "copy", "cat", "stack", "index", "index_select", "dropout", "native_dropout", "gather", "slice_scatter",
    "select_scatter", "roll", "flip", "reflection_pad1d", "reflection_pad2d", "replication_pad1d",
    "replication_pad2d", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "im2col", "upsample_nearest1d",
    "upsample_nearest2d", "upsample_nearest3d", "max_pool2d_with_indices",
}  # fmt: skip
# Operations that make a tensor which holds nothing of the network's own: the state that a recurrence starts from.
STARTS = {"zeros", "new_zeros", "zeros_like", "rand", "randn", "rand_like", "randn_like"}
# Operations that put weights into a tensor made before, or beside it: what comes of it is a weight.
ASSEMBLES = {"copy", "cat", "stack", "slice_scatter", "select_scatter", "index_put", "_index_put_impl", "index_copy",
             "scatter", "masked_scatter", "where"}  # fmt: skip
# Operations that write plain numbers into a tensor made before: a mask or a pattern comes of it, and no state.
FILLS = {"fill", "masked_fill", "index_fill"}
# Operations that cost nothing: moves (pooling is none), views, and tensors that are made and not computed.
FREE = (MOVES - {"max_pool2d_with_indices"}) | {
    "embedding", "constant_pad_nd", "empty", "empty_strided", "empty_like", "full", "full_like", "zeros", "zeros_like",
    "ones", "ones_like", "new_empty", "new_empty_strided", "new_full", "new_zeros", "new_ones", "arange",
    "scalar_tensor", "eye", "tril", "triu", "lift_fresh", "lift_fresh_copy", "fill", "zero", "index_put", "scatter",
    "_index_put_impl", "masked_scatter", "split_with_sizes_copy", "unbind_copy", "unsafe_split",
    "unsafe_split_with_sizes", "resize", "set", "linspace",
    "tril_indices", "triu_indices", "_local_scalar_dense", "_assert_async", "_assert_tensor_metadata", "_reshape_alias",
    "as_strided", "_nested_tensor_from_mask", "sym_size", "sym_numel", "sym_stride", "detach", "alias",
}  # fmt: skip

# Products that no reader below counts; a model that runs one is refused rather than priced too low.
NOT_UNDERSTOOD = {
    "mkldnn_rnn_layer", "_trilinear", "addr", "_thnn_fused_lstm_cell", "_thnn_fused_gru_cell", "_cdist_forward",
    "_sparse_mm", "_sparse_addmm", "_weight_int4pack_mm", "_weight_int8pack_mm", "_weight_int4pack_mm_for_cpu",
    "_dyn_quant_matmul_4bit", "_flash_attention_forward", "_efficient_attention_forward",
    "_triton_multi_head_attention", "_transformer_encoder_layer_fwd", "_native_multi_head_attention", "deform_conv2d",
}  # fmt: skip
# Parts of the names under which libraries other than torch itself multiply matrices.
_PRODUCT_WORDS = ("linear", "matmul", "conv", "gemm", "_mm", "bmm", "attention", "attn", "einsum", "lstm", "gru", "moe")


def is_not_understood(func: Any) -> bool:
    """Whether an operation multiplies matrices in a way that no reader knows; told by its name."""
    name = func.overloadpacket.__name__
    foreign = func.namespace not in {"aten", "prims", "prim"}
    return name in NOT_UNDERSTOOD or (foreign and any(word in name.lower() for word in _PRODUCT_WORDS))


def _plain(first: int) -> Callable[[Any, Any], Shapes]:
    """(m, k) @ (k, n), the operands standing at `first` and after it among the arguments."""

    def shapes(args: Any, _outputs: Any) -> Shapes:
        left, right = args[first], args[first + 1]
        return [(left.shape[0], left.shape[1], right.shape[1], 1, left, right)]

    return shapes


def _batched(first: int) -> Callable[[Any, Any], Shapes]:
    """(b, m, k) @ (b, k, n)."""

    def shapes(args: Any, _outputs: Any) -> Shapes:
        left, right = args[first], args[first + 1]
        return [(left.shape[1], left.shape[2], right.shape[2], left.shape[0], left, right)]

    return shapes


def _matrix_vector(first: int) -> Callable[[Any, Any], Shapes]:
    def shapes(args: Any, _outputs: Any) -> Shapes:
        left, right = args[first], args[first + 1]
        return [(left.shape[0], left.shape[1], 1, 1, left, right)]

    return shapes


def _dot(args: Any, _outputs: Any) -> Shapes:
    return [(1, args[0].shape[0], 1, 1, args[0], args[1])]


def _convolution(args: Any, outputs: Any) -> Shapes:
    """A convolution as the product of its kernels with the patches under them.

    A transposed one is the product of its kernels, each tap an output of its own, with the pixels of the signal.
    """
    signal, kernel, transposed, groups = args[0], args[1], args[6], args[8]
    first, rest = kernel.shape[0] // groups, kernel[0].numel()
    m, k = (rest, first) if transposed else (first, rest)
    positions = signal if transposed else outputs
    return [(m, k, positions.shape[0] * positions[0, 0].numel(), groups, kernel, signal)]


def _grouped(args: Any, _outputs: Any) -> Shapes:
    """Rows sorted by expert, (s, k) with weights (experts, k, n): rows spread evenly over the experts."""
    rows, weights = args[0], args[1]
    experts, k, n = weights.shape
    return [(each, k, n, count, rows, weights) for _, count, each in expert_groups(experts, rows.shape[0])]


def _grouped_output(args: Any) -> torch.Tensor:
    """Its shape, for any type and alignment; torch's own kernel is written for some."""
    rows, weights = args[0], args[1]
    if rows.dim() != 2 or weights.dim() != 3:
        raise InputError("the operation _grouped_mm is understood as rows with the weights of experts alone")
    return rows.new_empty((rows.shape[0], weights.shape[2]))


# Attention in one operation, as an exported graph may hold it: queries (b, h, q, d), keys and values (b, h, c, d).
FUSED_ATTENTION = (
    "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention",
    "_scaled_dot_product_fused_attention_overrideable",
)


def _fused_attention(args: Any, _outputs: Any) -> Shapes:
    query, key, value = args[:3]
    batch, heads, q, d = query.shape
    group, c = heads // key.shape[1], key.shape[2]
    side_by_side = batch * key.shape[1]
    return [
        (group * q, d, c, side_by_side, query, key),
        (group * q, c, value.shape[3], side_by_side, query, value),
    ]


def fused_softmax(args: Any) -> int:
    """Scores within an operation of `FUSED_ATTENTION`."""
    query, key = args[:2]
    return int(math.prod(query.shape[:3]) * key.shape[2])


PRODUCTS: dict[str, Callable[[Any, Any], Shapes]] = {
    "mm": _plain(0),
    "addmm": _plain(1),
    "_int_mm": _plain(0),
    "_scaled_mm": _plain(0),
    "bmm": _batched(0),
    "addbmm": _batched(1),
    "baddbmm": _batched(1),
    "mv": _matrix_vector(0),
    "addmv": _matrix_vector(1),
    "dot": _dot,
    "vdot": _dot,
    "convolution": _convolution,
    "_grouped_mm": _grouped,
    **dict.fromkeys(FUSED_ATTENTION, _fused_attention),
}
# Operations whose result is made here.
OUTPUTS: dict[str, Callable[[Any], torch.Tensor]] = {"_grouped_mm": _grouped_output}

# Floating-point operations of what is not priced, as functions of (arguments, inputs, output); all others count one
# for each output element, and reductions (torch says which they are) one for each input element.
Flops = Callable[[Any, list[torch.Tensor], torch.Tensor], int]


def _window(args: Any, _inputs: list[torch.Tensor], output: torch.Tensor) -> int:
    """Pooling: one for each element under each window."""
    return output.numel() * math.prod(args[1])


def _each_input(_args: Any, inputs: list[torch.Tensor], _output: torch.Tensor) -> int:
    return inputs[0].numel()


def _comparisons(_args: Any, inputs: list[torch.Tensor], _output: torch.Tensor) -> int:
    """Sorting n numbers: n log2 n."""
    length = inputs[0].shape[-1] if inputs[0].dim() else 1
    return inputs[0].numel() * max(1, math.ceil(math.log2(max(length, 2))))


def _fourier(args: Any, inputs: list[torch.Tensor], output: torch.Tensor) -> int:
    """5 n log2 n for a complex transform of n numbers (Cooley and Tukey 1965), half of it where one side is real."""
    full = max(inputs[0].numel(), output.numel())
    whole = inputs[0].is_complex() and output.is_complex()
    length = math.prod(inputs[0].shape[axis] for axis in args[1])
    return math.ceil((5 if whole else 2.5) * full * math.log2(max(length, 2)))


def _cubic(_args: Any, inputs: list[torch.Tensor], _output: torch.Tensor) -> int:
    """Factorisations: 2 n^3 for a square matrix of n."""
    return 2 * inputs[0].numel() * min(inputs[0].shape[-2:])


def _taps(count: int) -> Flops:
    """Interpolation: two for each tap and output element."""
    return lambda _args, _inputs, output: 2 * count * output.numel()


FLOPS: dict[str, Flops] = {
    **dict.fromkeys(("max_pool2d_with_indices", "max_pool3d_with_indices", "max_pool1d", "avg_pool1d", "avg_pool2d",
                     "avg_pool3d"), _window),
    **dict.fromkeys(("_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "adaptive_max_pool2d", "cumsum", "cumprod",
                     "logcumsumexp", "cummax", "cummin", "histc", "bincount"), _each_input),
    **dict.fromkeys(("sort", "topk", "argsort", "kthvalue", "median", "unique2", "_unique2"), _comparisons),
    **dict.fromkeys(("_fft_r2c", "_fft_c2c", "_fft_c2r"), _fourier),
    **dict.fromkeys(("linalg_inv_ex", "linalg_lu_factor_ex", "linalg_qr", "_linalg_svd", "_linalg_eigh",
                     "linalg_cholesky_ex", "_linalg_solve_ex", "triangular_solve", "linalg_solve_triangular",
                     "_linalg_det"), _cubic),
    "upsample_linear1d": _taps(2),
    "upsample_bilinear2d": _taps(4),
    "_upsample_bilinear2d_aa": _taps(4),
    "upsample_trilinear3d": _taps(8),
    "upsample_bicubic2d": _taps(16),
    "_upsample_bicubic2d_aa": _taps(16),
    "grid_sampler_2d": _taps(4),
    "grid_sampler_3d": _taps(8),
}  # fmt: skip


def unpriced_flops(func: Any, name: str, args: Any, inputs: list[torch.Tensor], output: torch.Tensor) -> int:
    """Floating-point operations of an operation that is neither product nor element-wise."""
    rule = FLOPS.get(name, _each_input if torch.Tag.reduction in func.tags and inputs else None)
    return rule(args, inputs, output) if rule else output.numel()
