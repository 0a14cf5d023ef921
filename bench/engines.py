# SPDX-License-Identifier: Apache-2.0
"""Other engines on a Hugging Face directory of ELECTRA (ForPreTraining), each behind one function:

    open_engine(NAME, model directory, cache directory, threads, "f32", "bf16" or "int8") -> prepare
    prepare(ids [batch, length], int64) -> run                                    one forward pass a call

Files that an engine wants converted are made once and kept in the cache directory. An engine that has no such arithmetic raises
Unavailable.
"""
import os
import pathlib

class Unavailable(Exception):
    pass


def load_model(directory, attention):
    from transformers import ElectraForPreTraining

    return ElectraForPreTraining.from_pretrained(directory, attn_implementation=attention).eval()


def wrap(model, with_mask):
    import torch

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask=None):
            return self.model(input_ids=input_ids, attention_mask=attention_mask if with_mask else None).logits

    return Logits().eval()


def onnx_file(directory, cache):
    """The model as ONNX with batch and length open."""
    path = pathlib.Path(cache) / "model.onnx"
    if not path.exists():
        import torch

        ids = torch.ones(2, 16, dtype=torch.long)
        names = ["input_ids", "attention_mask", "logits"]
        part = path.with_suffix(f".part{os.getpid()}")
        torch.onnx.export(wrap(load_model(directory, "sdpa"), True), (ids, ids), str(part), input_names=names[:2],
                          output_names=names[2:], dynamic_axes={name: {0: "batch", 1: "length"} for name in names},
                          opset_version=17, dynamo=False)
        part.rename(path)
    return str(path)


def dynamic_int8_file(directory, cache):
    """The same with weights in int8, and x quantized as it comes (ONNX Runtime's dynamic quantization)."""
    path = pathlib.Path(cache) / "model.int8.onnx"
    if not path.exists():
        from onnxruntime.quantization import QuantType, quantize_dynamic

        part = path.with_suffix(f".part{os.getpid()}")
        quantize_dynamic(onnx_file(directory, cache), str(part), weight_type=QuantType.QInt8, per_channel=True)
        part.rename(path)
    return str(path)


def nncf_file(directory, cache):
    """The model of OpenVINO with products of int8, whose ranges NNCF finds by some batches of random ids."""
    path = pathlib.Path(cache) / "model.int8.xml"
    if not path.exists():
        import nncf
        import numpy as np
        import openvino as ov

        model = ov.Core().read_model(onnx_file(directory, cache))
        random = np.random.default_rng(0)
        batches = [random.integers(0, 30000, (1, 128)) for _ in range(16)]
        data = nncf.Dataset(batches, lambda ids: {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        ov.save_model(nncf.quantize(model, data, model_type=nncf.ModelType.TRANSFORMER), str(path))
    return str(path)


def onnxruntime(directory, cache, threads, math):
    import numpy as np
    import onnxruntime as ort

    if math == "bf16":
        raise Unavailable("ONNX Runtime has no bf16 on the processor")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    file = dynamic_int8_file(directory, cache) if math == "int8" else onnx_file(directory, cache)
    session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def prepare(ids):
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        return lambda: session.run(None, feed)

    return prepare


def openvino(directory, cache, threads, math, fixed=False):
    """With batch and length open, or compiled again for each shape (fixed)."""
    import numpy as np
    import openvino as ov

    core = ov.Core()
    options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
               "INFERENCE_PRECISION_HINT": "f32" if math == "int8" else math}
    file = nncf_file(directory, cache) if math == "int8" else onnx_file(directory, cache)

    def compile_model(shape):
        model = core.read_model(file)
        if shape:
            model.reshape({i.any_name: list(shape) for i in model.inputs})
        return core.compile_model(model, "CPU", options)

    opened = None if fixed else compile_model(None)

    def prepare(ids):
        request = (opened or compile_model(ids.shape)).create_infer_request()
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        return lambda: request.infer(feed)

    return prepare


def openvino_fixed(directory, cache, threads, math):
    return openvino(directory, cache, threads, math, fixed=True)


def pytorch(directory, cache, threads, math):
    import torch

    if math == "int8":
        raise Unavailable("PyTorch's products of int8 are not measured")
    torch.set_num_threads(threads)
    model = load_model(directory, "sdpa")
    model = model.bfloat16() if math == "bf16" else model

    def prepare(ids):
        tensor = torch.tensor(ids)

        def run():
            with torch.inference_mode():
                return model(input_ids=tensor).logits

        return run

    return prepare


def ncnn(directory, cache, threads, math):
    """A network for each length; ncnn has no batches, rows run one after the other."""
    import ncnn as engine
    import numpy as np

    if math != "f32":
        raise Unavailable("ncnn is measured in f32: its bf16 is storage only")

    def convert(stem, length):
        import pnnx
        import torch

        pnnx.export(wrap(load_model(directory, "eager"), False), str(stem) + ".pt",
                    inputs=(torch.ones(1, length, dtype=torch.long),))

    def prepare(ids):
        stem = pathlib.Path(cache) / f"length{ids.shape[1]}"
        if not pathlib.Path(f"{stem}.ncnn.param").exists():
            convert(stem, ids.shape[1])
        net = engine.Net()
        net.opt.num_threads = threads
        net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
        net.load_param(f"{stem}.ncnn.param")
        net.load_model(f"{stem}.ncnn.bin")
        rows = [engine.Mat(row.astype(np.int32)) for row in ids]

        def run():
            outputs = []
            for row in rows:
                extractor = net.create_extractor()
                extractor.input("in0", row)
                outputs.append(np.array(extractor.extract("out0")[1]))
            return outputs

        return run

    return prepare


ENGINES = {"onnxruntime": onnxruntime, "openvino": openvino, "pytorch": pytorch, "ncnn": ncnn,
           "openvino-fixed": openvino_fixed}
USUAL = ["onnxruntime", "openvino", "pytorch", "ncnn"]


def open_engine(name, directory, cache, threads, math):
    return ENGINES[name](directory, cache, threads, math)
