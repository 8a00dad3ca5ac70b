from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FitsRequest(_message.Message):
    __slots__ = ("shape", "most")
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    shape: PodShape
    most: int
    def __init__(self, shape: _Optional[_Union[PodShape, _Mapping]] = ..., most: _Optional[int] = ...) -> None: ...

class PodShape(_message.Message):
    __slots__ = ("namespace", "pod_json")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    POD_JSON_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    pod_json: bytes
    def __init__(self, namespace: _Optional[str] = ..., pod_json: _Optional[bytes] = ...) -> None: ...

class FitsResponse(_message.Message):
    __slots__ = ("count", "reason")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    count: int
    reason: str
    def __init__(self, count: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...
