"""What processes are told and answer becomes payloads: of pydantic, sealed, with converters that are made once."""

from temporalio.converter import DataConverter

from db.platform.ids import new_id
from domain.platform.messages import Done
from tests.conftest import TEST_KEY_RING
from workflows.codec import data_converter


async def _there_and_back(converter: DataConverter, value: Done) -> Done:
    sealed = await converter.encode([value])
    assert str(value.entity_id).encode() not in sealed[0].data
    (back,) = await converter.decode(sealed, [Done])
    assert isinstance(back, Done)
    return back


async def test_a_message_comes_back_as_it_was():
    value = Done(entity_id=new_id())
    assert await _there_and_back(data_converter(TEST_KEY_RING), value) == value


def test_a_converter_for_every_task_makes_nothing_anew():
    """The SDK instantiates the class for each workflow task: type adapters made for each cost more than their use."""
    made = data_converter(TEST_KEY_RING).payload_converter_class
    one, another = made(), made()
    kinds = [b"json/plain", b"binary/plain", b"binary/null", b"json/protobuf", b"binary/protobuf"]
    for kind in kinds:
        assert one.converters[kind] is another.converters[kind]
