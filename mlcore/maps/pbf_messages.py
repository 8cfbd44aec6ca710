"""The messages of an .osm.pbf (wiki.openstreetmap.org/wiki/PBF_Format), told to protobuf as far as a map needs them.

A field is its number, its type and its name; `*` marks a list, `=` a value that stands where none is written.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "int32": _FIELD.TYPE_INT32,
    "int64": _FIELD.TYPE_INT64,
    "uint32": _FIELD.TYPE_UINT32,
    "sint64": _FIELD.TYPE_SINT64,
    "bool": _FIELD.TYPE_BOOL,
    "bytes": _FIELD.TYPE_BYTES,
}
_MESSAGES = {
    "BlobHeader": "1 bytes type, 3 int32 datasize",
    "Blob": "1 bytes raw, 2 int32 raw_size, 3 bytes zlib_data",
    "StringTable": "1 *bytes s",
    "Info": "1 int32 version, 2 int64 timestamp, 6 bool visible=true",
    "DenseInfo": "1 *int32 version, 2 *sint64 timestamp, 6 *bool visible",
    "DenseNodes": "1 *sint64 id, 5 DenseInfo denseinfo, 8 *sint64 lat, 9 *sint64 lon, 10 *int32 keys_vals",
    "Node": "1 sint64 id",
    "Way": "1 int64 id, 2 *uint32 keys, 3 *uint32 vals, 4 Info info, 8 *sint64 refs, 9 *sint64 lat",
    "Relation": "1 int64 id, 2 *uint32 keys, 3 *uint32 vals, 4 Info info, 8 *int32 roles_sid, 9 *sint64 memids, "
    "10 *int32 types",
    "PrimitiveGroup": "1 *Node nodes, 2 DenseNodes dense, 3 *Way ways, 4 *Relation relations",
    "PrimitiveBlock": "1 StringTable stringtable, 2 *PrimitiveGroup primitivegroup, 17 int32 granularity=100, "
    "18 int32 date_granularity=1000, 19 int64 lat_offset, 20 int64 lon_offset",
}


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="osm.proto", package="osm", syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for told in fields.split(", "):
            number, sort, called = told.split(" ")
            called, _, usual = called.partition("=")
            many = sort.startswith("*")
            label = _FIELD.LABEL_REPEATED if many else _FIELD.LABEL_OPTIONAL
            field = message.field.add(name=called, number=int(number), label=label)
            scalar = _SCALARS.get(sort.removeprefix("*"))
            if scalar is None:
                field.type, field.type_name = _FIELD.TYPE_MESSAGE, f".osm.{sort.removeprefix('*')}"
            else:
                field.type = scalar
                field.options.packed = many and sort != "*bytes"
            if usual:
                field.default_value = usual
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"osm.{name}")) for name in _MESSAGES}


_CLASS = _classes()
BlobHeader, Blob, PrimitiveBlock = _CLASS["BlobHeader"], _CLASS["Blob"], _CLASS["PrimitiveBlock"]
