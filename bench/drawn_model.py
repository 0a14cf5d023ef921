# SPDX-License-Identifier: Apache-2.0
"""Model directories of ELECTRA with random weights: write_model("small" or "base", directory, decoder=False). The speed of a model
does not hang on its weights, so this does for measuring; nothing but Python is needed."""
import array
import json
import pathlib
import random
import struct

SIZES = {
    "small": dict(hidden_size=256, embedding_size=128, num_hidden_layers=12, num_attention_heads=4, intermediate_size=1024),
    "base": dict(hidden_size=768, embedding_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072),
}
VOCABULARY, POSITIONS = 30522, 512
DRAWN = 65521  # different numbers; a prime, so that no two rows of a matrix are the same


def list_tensors(config, decoder):
    """(name, shape) of each; biases and LayerNorm have one extent."""
    h, e, i = config["hidden_size"], config["embedding_size"], config["intermediate_size"]

    def linear(name, outputs, inputs):
        return [(name + ".weight", [outputs, inputs]), (name + ".bias", [outputs])]

    def norm(name, width):
        return [(name + ".weight", [width]), (name + ".bias", [width])]

    embeddings = "electra.embeddings."
    tensors = [(embeddings + "word_embeddings.weight", [VOCABULARY, e]), (embeddings + "position_embeddings.weight", [POSITIONS, e]),
               (embeddings + "token_type_embeddings.weight", [2, e]), *norm(embeddings + "LayerNorm", e)]
    if h != e:
        tensors += linear("electra.embeddings_project", h, e)
    for n in range(config["num_hidden_layers"]):
        layer = f"electra.encoder.layer.{n}."
        for part in ("query", "key", "value"):
            tensors += linear(f"{layer}attention.self.{part}", h, h)
        tensors += linear(layer + "attention.output.dense", h, h) + norm(layer + "attention.output.LayerNorm", h)
        tensors += linear(layer + "intermediate.dense", i, h) + linear(layer + "output.dense", h, i) + norm(layer + "output.LayerNorm", h)
    if decoder:
        tensors += norm("generator_predictions.LayerNorm", e) + linear("generator_predictions.dense", e, h)
        return tensors + [("generator_lm_head.bias", [VOCABULARY])]
    return tensors + linear("discriminator_predictions.dense", h, h) + linear("discriminator_predictions.dense_prediction", 1, h)


def draw(name, shape, numbers):
    """Bytes of f32: ones and zeros for LayerNorm and biases, else numbers with a deviation of 0.02, from a place that the name says."""
    n = 1
    for extent in shape:
        n *= extent
    if len(shape) == 1:
        return array.array("f", [1.0 if name.endswith("LayerNorm.weight") else 0.0]).tobytes() * n
    begin = 4 * random.Random(name).randrange(DRAWN)
    return (numbers[begin:] + numbers * (n // DRAWN + 1))[:4 * n]


def write_model(size, directory, decoder=False):
    drawn = random.Random(0)
    numbers = array.array("f", (drawn.gauss(0, 0.02) for _ in range(DRAWN))).tobytes()
    config = dict(SIZES[size], model_type="electra", vocab_size=VOCABULARY, max_position_embeddings=POSITIONS, type_vocab_size=2,
                  hidden_act="gelu", layer_norm_eps=1e-12, is_decoder=decoder, hidden_dropout_prob=0.1,
                  attention_probs_dropout_prob=0.1, architectures=["ElectraForCausalLM" if decoder else "ElectraForPreTraining"])
    tensors = list_tensors(config, decoder)
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensors:
        size = 4 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    folder = pathlib.Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in tensors:
            file.write(draw(name, shape, numbers))
