import pyarrow as pa
import pytest

from ironglass.data.columns import classes_of, encoded_images, image_column, label_column
from ironglass.errors import InputError

IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def schema(**fields) -> pa.Schema:
    return pa.schema(list(fields.items()))


def test_features_decide_then_types_then_names():
    table = schema(thumb=IMAGE, picture=IMAGE, n=pa.int64(), label=pa.int64(), domain=pa.int64())
    features = {"thumb": {"_type": "Image"}, "domain": {"_type": "ClassLabel", "names": ["a", "b"]}}
    assert image_column(table, features, None) == "thumb"
    assert label_column(table, features, None) == "domain"
    assert image_column(table, {}, None) == "picture"
    assert label_column(table, {}, None) == "label"
    assert image_column(schema(scan=pa.binary(), label=pa.string()), {}, None) == "scan"
    both = features | {"label": {"_type": "ClassLabel", "names": ["a", "b"]}}
    assert label_column(table, both, None) == "label"


def test_named_columns_win_and_wrong_ones_list_what_there_is():
    table = schema(one=IMAGE, two=IMAGE, domain=pa.int64(), width=pa.float64())
    assert image_column(table, {"one": {"_type": "Image"}}, "two") == "two"
    assert label_column(table, {}, "domain") == "domain"
    with pytest.raises(InputError, match="--image-column must be one of one, two, domain, width"):
        image_column(table, {}, "three")
    with pytest.raises(InputError, match="'width' holds double, not integers or names"):
        label_column(table, {}, "width")
    with pytest.raises(InputError, match="which column holds the images"):
        image_column(table, {}, None)
    with pytest.raises(InputError, match="which column holds the classes"):
        label_column(table, {}, None)


@pytest.mark.parametrize(
    ("values", "feature", "labels", "classes"),
    [
        ([1, 0, None, -1], {"names": ["x", "y"]}, [1, 0, -1, -1], ("x", "y")),
        ([7, 3, 7, -1, None], None, [1, 0, 1, -1, -1], ("3", "7")),
        ([10, 9], None, [1, 0], ("9", "10")),
        (["dog", "cat", None, "dog"], None, [1, 0, -1, 1], ("cat", "dog")),
        ([None, None], {"names": ["x", "y"]}, [-1, -1], None),
    ],
)
def test_labels_and_class_names(values, feature, labels, classes):
    kind = pa.int64() if feature else None
    found, names = classes_of(pa.chunked_array([pa.array(values, kind)]), feature)
    assert found.tolist() == labels
    assert classes is None or names == classes
    if isinstance(values[0], str):
        assert classes_of(pa.chunked_array([pa.array(values).dictionary_encode()]), None)[0].tolist() == labels


def test_a_label_beyond_the_names_is_refused():
    with pytest.raises(InputError, match="a label is 2 where there are 2 class names"):
        classes_of(pa.chunked_array([[0, 2]]), {"names": ["x", "y"]})


def test_cells_give_bytes_or_the_file_put_aside(tmp_path):
    cells = [
        {"bytes": b"x", "path": "a.png"},
        {"bytes": None, "path": str(tmp_path)},
        {"bytes": None, "path": "a.png"},
        None,
    ]
    assert list(encoded_images(pa.array(cells, IMAGE))) == [b"x", tmp_path, None, None]
    assert list(encoded_images(pa.array([b"x", None]))) == [b"x", None]
