# SPDX-License-Identifier: Apache-2.0
"""libpleione's tokenizer through ctypes, for scripts that compare and measure: texts in, columns out."""
import ctypes as c


class Text(c.Structure):
    _fields_ = [("text", c.c_char_p), ("bytes", c.c_size_t)]


class Example(c.Structure):
    _fields_ = [("text", Text), ("pair", Text), ("words", c.c_void_p), ("pair_words", c.c_void_p), ("n_words", c.c_uint32),
                ("n_pair_words", c.c_uint32)]


class Error(c.Structure):
    _fields_ = [("status", c.c_int), ("node", c.c_int32), ("message", c.c_char * 500)]


COLUMNS = ["ids", "types", "words", "sequences", "attention_mask", "special_mask", "begins", "ends", "begin_bytes", "end_bytes"]
TYPES = {"ids": c.c_int32, "types": c.c_int32, "words": c.c_int32, "sequences": c.c_int8, "attention_mask": c.c_uint8,
         "special_mask": c.c_uint8}


class Options(c.Structure):
    """pln_encode_options."""
    _fields_ = [("size", c.c_uint32), ("max_length", c.c_uint32), ("truncation", c.c_int), ("truncate_left", c.c_bool),
                ("overflow", c.c_bool), ("stride", c.c_uint32), ("padding", c.c_int), ("pad_left", c.c_bool), ("pad_length", c.c_uint32),
                ("pad_multiple", c.c_uint32), ("no_special", c.c_bool), ("split_special", c.c_bool), ("no_places", c.c_bool)]


class Encodings(c.Structure):
    _fields_ = [("rows", c.c_uint32), ("tokens", c.c_uint32), ("starts", c.POINTER(c.c_uint32)),
                ("examples", c.POINTER(c.c_uint32))] + [(name, c.POINTER(TYPES.get(name, c.c_uint32))) for name in COLUMNS]

    def column(self, name):
        """A copy, as bytes that array or numpy can take."""
        return c.string_at(getattr(self, name), self.tokens * c.sizeof(TYPES.get(name, c.c_uint32)))


def examples(texts):
    """An array for encode; keeps the bytes of the texts."""
    encoded = [text if isinstance(text, bytes) else text.encode() for text in texts]
    return (Example * len(texts))(*[Example(Text(text, len(text))) for text in encoded])


class Tokenizer:
    def __init__(self, library, path, threads=1):
        self.lib = c.CDLL(library)
        self.error = Error()
        self.tokenizer, self.encoder = c.c_void_p(), c.c_void_p()
        self.lib.pln_tokenizer_token.restype = c.c_char_p
        self.check(self.lib.pln_tokenizer_open(path.encode(), None, c.byref(self.tokenizer), c.byref(self.error)))
        self.check(self.lib.pln_encoder_create(self.tokenizer, threads, c.byref(self.encoder), c.byref(self.error)))

    def check(self, status):
        if status:
            raise ValueError(self.error.message.decode())

    def encode(self, batch, **options):
        """Rows of a batch from examples(); the answer holds until the next call. options: as in Options."""
        how = Options(size=c.sizeof(Options), **options)
        answer = c.POINTER(Encodings)()
        self.check(self.lib.pln_encoder_encode(self.encoder, batch, len(batch), c.byref(how), c.byref(answer), c.byref(self.error)))
        return answer.contents

    def close(self):
        self.lib.pln_encoder_destroy(c.byref(self.encoder))
        self.lib.pln_tokenizer_close(c.byref(self.tokenizer))
