import pyarrow as pa
import pytest

from ironglass.data.sources.columns import classes_of, encoded_images, image_column, label_column, names_of
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
        ([1, 0, None, -1], ["x", "y"], [1, 0, -1, -1], ("x", "y")),
        ([7, 3, 7, -1, None], None, [1, 0, 1, -1, -1], ("3", "7")),
        ([10, 9], None, [1, 0], ("9", "10")),
        (["dog", "cat", None, "dog"], None, [1, 0, -1, 1], ("cat", "dog")),
        ([None, None], ["x", "y"], [-1, -1], None),
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
        classes_of(pa.chunked_array([[0, 2]]), ["x", "y"])


def test_cells_give_bytes_or_the_file_put_aside(tmp_path):
    cells = [
        {"bytes": b"x", "path": "/etc/passwd"},
        {"bytes": None, "path": str(tmp_path / "sub/b.png")},
        {"bytes": None, "path": "sub/../a.png"},
        {"bytes": b"", "path": ""},
        None,
    ]
    found = list(encoded_images(pa.array(cells, IMAGE), [tmp_path]))
    assert found == [b"x", tmp_path / "sub/b.png", tmp_path / "a.png", b"", None]
    assert list(encoded_images(pa.array([b"x", None]))) == [b"x", None]


@pytest.mark.parametrize("path", ["/etc/passwd", "../a.png", "sub/../../a.png", "{}-other/a.png", "{}/../x.png", "."])
def test_a_cell_that_names_a_file_outside_of_the_data_is_refused(tmp_path, path):
    cells = pa.array([{"bytes": None, "path": path.format(tmp_path)}], IMAGE)
    with pytest.raises(InputError, match=r"train\.parquet names the file '.*', outside of the data's folder"):
        list(encoded_images(cells, [tmp_path], "train.parquet"))
    with pytest.raises(InputError, match="names the file"):
        list(encoded_images(cells))


def test_text_is_no_image():
    text = pa.struct({"bytes": pa.string(), "path": pa.string()})
    with pytest.raises(InputError, match="which column holds the images"):
        image_column(schema(image=text, label=pa.int64()), {}, None)


@pytest.mark.parametrize("names", [[None, "b"], 5, "ab", [["a"], ["b"]], [1.5, 2.5], {"0": "a"}, ["a", "a"], [1, "1"]])
def test_names_that_are_no_list_of_names_are_refused(names):
    with pytest.raises(InputError, match=r"no list of names|same name"):
        names_of({"_type": "ClassLabel", "names": names}, "label")


@pytest.mark.parametrize("feature", [None, 5, [1], "x", {}, {"names": None}, {"names": []}])
def test_no_names_are_none(feature):
    assert names_of(feature, "label") is None


def test_numbers_and_text_are_names():
    assert names_of({"names": [3, "b"]}, "label") == ("3", "b")


def test_labels_that_are_names_stand_where_the_names_do():
    labels, names = classes_of(pa.chunked_array([["b", "a", None, "b"]]), ["b", "c", "a"])
    assert (labels.tolist(), names) == ([0, 2, -1, 0], ("b", "c", "a"))
    with pytest.raises(InputError, match="a label is 'z', which is none of the 2"):
        classes_of(pa.chunked_array([["a", "z"]]), ["a", "b"])
    labels, names = classes_of(pa.chunked_array([[True, False, None]]), None)
    assert (labels.tolist(), names) == ([1, 0, -1], ("false", "true"))


def test_several_columns_that_could_be_meant_are_listed():
    table = schema(image=IMAGE, img=IMAGE, label=pa.int64(), target=pa.int64(), width=pa.int64())
    with pytest.raises(InputError, match=r"holds the images.* --image-column: image, img$"):
        image_column(table, {}, None)
    with pytest.raises(InputError, match=r"holds the classes.* --label-column: label, target$"):
        label_column(table, {}, None)
    assert label_column(table, {}, "target") == "target"
    twice = pa.schema([("image", IMAGE), ("label", pa.int64()), ("label", pa.string())])
    with pytest.raises(InputError, match="label"):
        label_column(twice, {}, None)
