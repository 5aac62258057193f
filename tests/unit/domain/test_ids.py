import uuid

from hypothesis import given
from hypothesis import strategies as st

from breakwater.domain.ids import named_id


@given(st.uuids(), st.text())
def test_a_named_id_is_the_text_of_the_uuid_of_version_5(namespace: uuid.UUID, name: str) -> None:
    assert named_id(namespace, name) == str(uuid.uuid5(namespace, name))
