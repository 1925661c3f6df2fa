"""HPACK by two others: python3-hpack, and nghttp2 through its C library.

hpack_peer.py {python|nghttp2} {encode|decode|judge}, with JSON on both sides:

  encode  [{"sizes": [4096], "fields": [["name", "value", false]]}]  ->  ["hex of the block"]
  decode  [{"sizes": [4096], "block": "hex"}]                        ->  [[["name", "value", false]], null]
  judge   ["hex of the block"]                                       ->  [true]

Judging says of each block, for itself, whether it is accepted. Names and values are hex; the third of a field says that it is never to be indexed. "sizes" are the values that
SETTINGS_HEADER_TABLE_SIZE takes before the block. Decoding answers null for a block that is refused, and goes no further.
"""

import ctypes
import json
import sys

import hpack

NEVER_INDEXED = 1  # NGHTTP2_NV_FLAG_NO_INDEX
FINAL, EMIT = 1, 2  # NGHTTP2_HD_INFLATE_*


class PythonEncoder:
    def __init__(self):
        self.encoder = hpack.Encoder()

    def resize(self, size):
        self.encoder.header_table_size = size

    def encode(self, fields):
        return self.encoder.encode(fields)


class PythonDecoder:
    def __init__(self):
        self.decoder = hpack.Decoder(max_header_list_size=1 << 24)

    def resize(self, size):
        self.decoder.max_allowed_table_size = size

    def decode(self, block):
        try:
            fields = self.decoder.decode(block, raw=True)
        except hpack.HPACKError:
            return None
        return [(name, value, isinstance(field, hpack.NeverIndexedHeaderTuple)) for field in fields for name, value in [field]]


class Field(ctypes.Structure):
    """nghttp2_nv"""

    _fields_ = [
        ("name", ctypes.c_void_p), ("value", ctypes.c_void_p),
        ("name_length", ctypes.c_size_t), ("value_length", ctypes.c_size_t), ("flags", ctypes.c_uint8),
    ]


def library():
    lib = ctypes.CDLL("libnghttp2.so.14")
    lib.nghttp2_hd_deflate_hd.restype = ctypes.c_ssize_t
    lib.nghttp2_hd_deflate_bound.restype = ctypes.c_size_t
    lib.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t
    lib.nghttp2_hd_inflate_hd2.argtypes = [
        ctypes.c_void_p, ctypes.POINTER(Field), ctypes.POINTER(ctypes.c_int), ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    lib.nghttp2_hd_deflate_hd.argtypes = [
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t]
    lib.nghttp2_hd_deflate_bound.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
    lib.nghttp2_hd_deflate_change_table_size.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    lib.nghttp2_hd_inflate_change_table_size.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    lib.nghttp2_hd_inflate_end_headers.argtypes = [ctypes.c_void_p]
    return lib


class NghttpEncoder:
    def __init__(self):
        self.lib = library()
        self.deflater = ctypes.c_void_p()
        assert self.lib.nghttp2_hd_deflate_new(ctypes.byref(self.deflater), ctypes.c_size_t(65536)) == 0

    def resize(self, size):
        assert self.lib.nghttp2_hd_deflate_change_table_size(self.deflater, size) == 0

    def encode(self, fields):
        array = (Field * len(fields))()
        keep = []
        for field, (name, value, never) in zip(array, fields):
            buffers = ctypes.create_string_buffer(name, len(name) + 1), ctypes.create_string_buffer(value, len(value) + 1)
            keep.append(buffers)
            field.name, field.value = (ctypes.cast(buffer, ctypes.c_void_p).value for buffer in buffers)
            field.name_length, field.value_length = len(name), len(value)
            field.flags = NEVER_INDEXED if never else 0
        output = ctypes.create_string_buffer(self.lib.nghttp2_hd_deflate_bound(self.deflater, array, len(fields)) + 64)
        length = self.lib.nghttp2_hd_deflate_hd(self.deflater, output, len(output), array, len(fields))
        assert length >= 0, length
        return output.raw[:length]


class NghttpDecoder:
    def __init__(self):
        self.lib = library()
        self.inflater = ctypes.c_void_p()
        assert self.lib.nghttp2_hd_inflate_new(ctypes.byref(self.inflater)) == 0

    def resize(self, size):
        assert self.lib.nghttp2_hd_inflate_change_table_size(self.inflater, size) == 0

    def decode(self, block):
        fields = []
        buffer = ctypes.create_string_buffer(block, len(block) + 1)
        position = 0
        while True:
            field, flags = Field(), ctypes.c_int()
            used = self.lib.nghttp2_hd_inflate_hd2(
                self.inflater, ctypes.byref(field), ctypes.byref(flags), ctypes.addressof(buffer) + position, len(block) - position, 1)
            if used < 0:
                return None
            position += used
            if flags.value & EMIT:
                fields.append((
                    ctypes.string_at(field.name, field.name_length), ctypes.string_at(field.value, field.value_length),
                    bool(field.flags & NEVER_INDEXED)))
            if flags.value & FINAL:
                self.lib.nghttp2_hd_inflate_end_headers(self.inflater)
                return fields
            if not flags.value & EMIT and position == len(block):
                return None


def encode(encoder, steps):
    for step in steps:
        for size in step["sizes"]:
            encoder.resize(size)
        yield encoder.encode([(bytes.fromhex(name), bytes.fromhex(value), never) for name, value, never in step["fields"]]).hex()


def decode(decoder, steps):
    for step in steps:
        for size in step["sizes"]:
            decoder.resize(size)
        fields = decoder.decode(bytes.fromhex(step["block"]))
        yield fields and [(name.hex(), value.hex(), never) for name, value, never in fields]
        if fields is None:
            return


codec, task = sys.argv[1:]
new_encoder, new_decoder = (PythonEncoder, PythonDecoder) if codec == "python" else (NghttpEncoder, NghttpDecoder)
work = json.load(sys.stdin)
if task == "encode":
    result = list(encode(new_encoder(), work))
elif task == "decode":
    result = list(decode(new_decoder(), work))
else:
    result = [new_decoder().decode(bytes.fromhex(block)) is not None for block in work]
json.dump(result, sys.stdout)
