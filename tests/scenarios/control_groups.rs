//! `check --run` on a kernel with control groups of version 2, as most machines have them: on one of its own, since this machine may not.

use lambda_lift_rig::VirtualMachine;
use serde_json::{Value, json};

use crate::shell_function;

/// Plays a scene, and tells of it: the document, the limits that groups had meanwhile, and what is left.
const SCENES: &str = r#"
groups=/sys/fs/cgroup
watch() {
    while :; do
        for group in $(find $groups -name 'lambda-lift-run-*'); do
            echo "$group $(cat $group/memory.max) $(cat $group/pids.max)"
        done
        sleep 0.2
    done
}
scene() {
    echo "scene $1"
    shift
    watch >/tmp/groups 2>/dev/null &
    watcher=$!
    export TMPDIR=/tmp/of-the-tool
    "$@" lambda-lift check docker-archive:/image.tar --run --metadata-only --no-cache --no-config --output json \
        --function-file /function.json --event /plain.json --event /eat.json 2>/tmp/said
    kill $watcher
    echo "groups"
    sort -u /tmp/groups
    echo "left"
    find $groups -name 'lambda-lift-run-*'
    ls $TMPDIR
    echo "end"
}
nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
mkdir -p /tmp/of-the-tool $groups/session/run $groups/closed
chown nobody /tmp/of-the-tool
scene without-controllers
echo "+memory +pids" >$groups/cgroup.subtree_control
scene first-group
echo "+memory +pids" >$groups/session/cgroup.subtree_control
echo 0 >$groups/session/run/cgroup.procs
scene below
chown -R nobody $groups/session
scene delegated $nobody
echo 0 >$groups/closed/cgroup.procs
scene closed $nobody
"#;

/// What is told of a scene: the document, lines of groups, and lines of what is left.
struct Scene {
    document: Value,
    groups: Vec<String>,
    left: Vec<String>,
}

/// The scene of a name.
fn scene(told: &str, name: &str) -> Scene {
    let from = told.split(&format!("scene {name}\n")).nth(1).unwrap_or_else(|| panic!("{name}: {told}"));
    let lines: Vec<&str> = from.lines().take_while(|line| *line != "end").collect();
    let mut parts = lines.split(|line| ["groups", "left"].contains(line));
    let mut part = || parts.next().unwrap().iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let document = part().join("\n");
    let document = serde_json::from_str(&document).unwrap_or_else(|_| panic!("{name}: {told}"));
    Scene { document, groups: part(), left: part() }
}

/// An event is answered, and one that takes more memory than the function has ends it.
#[track_caller]
fn assert_confined(Scene { document, left, .. }: &Scene) {
    let run = &document["run"];
    assert_eq!(run["invocations"][0]["payload"]["count"], 1, "{document:#}");
    assert_eq!(run["invocations"][1]["error"]["type"], "Runtime.OutOfMemory", "{document:#}");
    assert!(run["peak_memory_bytes"].as_u64().unwrap() > 128 << 20, "{document:#}");
    assert_eq!(left, &Vec::<String>::new(), "neither groups nor files stay behind");
}

#[test]
fn groups_of_version_two_limit_a_run_where_they_may_be_made() {
    let machine = VirtualMachine::new();
    machine.program(env!("CARGO_BIN_EXE_lambda-lift").as_ref());
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("image.tar");
    shell_function::image("groups").docker_archive(&archive);
    machine.file("image.tar", &std::fs::read(archive).unwrap());
    for (name, content) in [
        ("plain.json", json!({})),
        ("eat.json", json!({ "eat": true })),
        ("function.json", json!({ "MemorySize": 128, "Timeout": 120 })),
    ] {
        machine.file(name, content.to_string().as_bytes());
    }
    let told = machine.run(SCENES);

    for (name, place) in [("first-group", ""), ("below", "/session"), ("delegated", "/session")] {
        let scene = scene(&told, name);
        assert_confined(&scene);
        // The function's memory, its files in /tmp and what the image itself takes; Lambda's processes and the sandbox's own.
        let limited = scene.groups.iter().any(|line| {
            let mut words = line.split(' ');
            let group = words.next().unwrap();
            let memory = words.next().unwrap().parse::<u64>();
            group
                .strip_prefix("/sys/fs/cgroup")
                .unwrap()
                .strip_prefix(place)
                .unwrap()
                .starts_with("/lambda-lift-run-")
                && memory.is_ok_and(|bytes| (640 << 20..768 << 20).contains(&bytes))
                && words.next() == Some("1032")
        });
        assert!(limited, "{name}: {:#?}", scene.groups);
    }
    for name in ["without-controllers", "closed"] {
        let scene = scene(&told, name);
        assert_confined(&scene);
        assert_eq!(scene.groups, Vec::<String>::new(), "{name}: a group without limits is of no use");
    }
}
