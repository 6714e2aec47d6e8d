"""The home: made when it can be, refused with a clear message when it cannot, and changed by one command at a time."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from orchestration.home import HomeBusy, home_lock, open_instance, prepare_home, process_environment
from resources.errors import SettingsError


def test_a_fresh_home_has_its_folders_and_dagster_s_configuration(project) -> None:
    settings = project()
    home = prepare_home(settings)
    assert home == settings.home_folder
    assert settings.documents_folder.is_dir()
    assert settings.questions_folder.is_dir()
    config = yaml.safe_load((home / "dagster" / "dagster.yaml").read_text(encoding="utf-8"))
    assert config["telemetry"] == {"enabled": False}
    assert not list(home.glob(".writable*"))


def test_preparing_it_again_changes_nothing(project) -> None:
    settings = project()
    config = prepare_home(settings) / "dagster" / "dagster.yaml"
    before = config.stat().st_mtime_ns
    prepare_home(settings)
    assert config.stat().st_mtime_ns == before


def test_dagster_s_configuration_is_ours_whatever_somebody_wrote_there(project) -> None:
    settings = project()
    config = prepare_home(settings) / "dagster" / "dagster.yaml"
    config.write_text("telemetry: {enabled: true}")
    prepare_home(settings)
    assert "enabled: false" in config.read_text(encoding="utf-8")


def test_a_document_folder_of_the_user_s_is_never_made_so_that_an_unmounted_one_is_not_an_empty_one(project) -> None:
    settings = project(documents="mounted/pdfs", questions="mounted/questions")
    prepare_home(settings)
    assert not settings.documents_folder.exists()
    assert not settings.questions_folder.exists()


@pytest.mark.parametrize("blocked", ["file/home", "file"])
def test_a_home_that_cannot_be_written_is_named_with_what_to_do(project, tmp_path, blocked) -> None:
    (tmp_path / "file").write_text("not a folder")
    settings = project(home=str(tmp_path / blocked))
    with pytest.raises(SettingsError, match=r"the home .*file.* cannot be written \(.*\); set RAFTLINE_HOME"):
        prepare_home(settings)
    with pytest.raises(SettingsError, match="cannot be written"), open_instance(settings):
        pass
    with pytest.raises(SettingsError, match="cannot be written"), home_lock(settings):
        pass


def test_one_command_at_a_time_changes_a_home(project) -> None:
    settings = project()
    with home_lock(settings), pytest.raises(HomeBusy, match=str(settings.home_folder)), home_lock(settings):
        pass
    with home_lock(settings):
        pass


def test_the_lock_of_a_command_that_failed_or_died_is_free(project) -> None:
    settings = project()
    with pytest.raises(ZeroDivisionError), home_lock(settings):
        raise ZeroDivisionError
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from orchestration.home import home_lock\n"
        "from orchestration.settings import load_settings\n"
        "with home_lock(load_settings(Path(sys.argv[1]))):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(settings.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(HomeBusy), home_lock(settings):
        pass
    holder.kill()
    holder.communicate()
    with home_lock(settings):
        pass


def test_two_homes_do_not_wait_for_each_other(project, tmp_path) -> None:
    with home_lock(project(home=str(tmp_path / "one"))), home_lock(project(home=str(tmp_path / "two"))):
        pass


def test_the_instance_of_a_home_keeps_everything_inside_it(project) -> None:
    settings = project()
    with open_instance(settings) as instance:
        instance.add_dynamic_partitions("document_batches", ["000001-a"])
    with open_instance(settings) as instance:
        assert isinstance(instance, dg.DagsterInstance)
        assert instance.get_dynamic_partitions("document_batches") == ["000001-a"]
        assert instance.root_directory == str(settings.home_folder / "dagster")


def test_every_process_of_a_home_finds_the_same_home_without_telemetry_on_one_thread(project, monkeypatch) -> None:
    settings = project()
    monkeypatch.chdir(settings.root)
    environment = process_environment(settings)
    assert environment["DAGSTER_HOME"] == str(settings.home_folder / "dagster")
    assert environment["RAFTLINE_HOME"] == str(settings.home_folder)
    assert environment["RAFTLINE_CONFIG"] == str(settings.root / "raftline.yaml")
    assert (environment["DAGSTER_DISABLE_TELEMETRY"], environment["OMP_NUM_THREADS"]) == ("yes", "1")
    assert all(Path(environment[name]).is_absolute() for name in ("DAGSTER_HOME", "RAFTLINE_HOME", "RAFTLINE_CONFIG"))


def test_several_recipes_may_train_at_once_and_other_pools_have_one_place(project) -> None:
    with open_instance(project()) as instance:
        pools = {limit.name: limit.limit for limit in instance.event_log_storage.get_pool_limits()}
    assert pools == {"training": 2}
    assert "default_limit: 1" in (project().home_folder / "dagster" / "dagster.yaml").read_text()
