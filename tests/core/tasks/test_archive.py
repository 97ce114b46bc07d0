import stat
import zipfile

import pytest

from core.errors import LabError
from core.tasks.archive import export_task, import_task
from core.tasks.loading import load_task


def test_a_task_comes_back_as_it_went(task_folder, tmp_path):
    first, second = export_task(task_folder, tmp_path / "a.zip"), export_task(task_folder, tmp_path / "b.zip")
    assert first.read_bytes() == second.read_bytes()
    folder = import_task(first, tmp_path / "mine")
    assert load_task(folder).train == load_task(task_folder).train
    assert (folder / "documents" / "pay.md").is_file()
    with pytest.raises(LabError, match="already"):
        import_task(task_folder, tmp_path / "mine")
    assert import_task(task_folder, tmp_path / "mine", name="other").name == "other"
    with pytest.raises(LabError, match="is no name"):
        import_task(task_folder, tmp_path / "mine", name="../up")
    with pytest.raises(LabError, match="exists already"):
        export_task(task_folder, first)


@pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "task/../../evil.txt"])
def test_a_zip_cannot_write_elsewhere(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr(name, "x")
    with pytest.raises(LabError, match="unsafe path"):
        import_task(tmp_path / "evil.zip", tmp_path / "mine")


def test_links_bombs_and_other_files_are_refused(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        link = zipfile.ZipInfo("task/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(LabError, match="unsafe path"):
        import_task(tmp_path / "link.zip", tmp_path / "mine")
    monkeypatch.setattr("core.tasks.archive.MAX_BYTES", 10)
    with zipfile.ZipFile(tmp_path / "big.zip", "w") as archive:
        archive.writestr("task/a", "x" * 11)
    with pytest.raises(LabError, match="unpacks to"):
        import_task(tmp_path / "big.zip", tmp_path / "mine")
    (tmp_path / "no.zip").write_text("hello")
    with pytest.raises(LabError, match="no zip"):
        import_task(tmp_path / "no.zip", tmp_path / "mine")
    with pytest.raises(LabError, match="0 task folders"):
        import_task(tmp_path, tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_a_zip_of_a_folders_contents_is_named_after_the_file(task_folder, tmp_path):
    import shutil

    shutil.make_archive(str(tmp_path / "My Task"), "zip", task_folder)
    assert import_task(tmp_path / "My Task.zip", tmp_path / "mine").name == "my-task"
    data = bytearray((tmp_path / "My Task.zip").read_bytes())
    data[60:90] = b"\x00" * 30
    (tmp_path / "broken.zip").write_bytes(data)
    with pytest.raises(LabError):
        import_task(tmp_path / "broken.zip", tmp_path / "mine")
    with pytest.raises(LabError, match="already"):
        import_task(task_folder, tmp_path / "mine", name="hiring-handbook")
