//! Spaces and networks that no machine holds.

use crate::child::{ends, refused};
use std::fs;
use std::path::Path;

const END: &str = "  - flatten\n  - linear: classes\n";

fn write(folder: &Path, more: &str, layers: &str) {
    fs::write(folder.join("x.yaml"), format!("input: [3, 32, 32]\nclasses: 10\n{more}network:\n{layers}{END}"))
        .unwrap();
}

/// A space that `check` and `space` refuse in these words.
fn space(more: &str, layers: &str, words: &str) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), more, layers);
    for command in ["check", "space"] {
        refused(folder.path(), &[command, "x.yaml"], words);
    }
}

/// A space that is large, and nothing worse.
fn large(more: &str, layers: &str) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), more, layers);
    for command in ["check", "space"] {
        let said = ends(folder.path(), &[command, "x.yaml"]);
        assert_eq!(said.code, 0, "{}", said.whole());
    }
}

fn blocks(count: usize, block: impl Fn(usize) -> String, last: &str) -> String {
    let blocks: Vec<String> = (0..count).map(|index| format!("a{index}: [{}]", block(index + 1))).collect();
    format!("blocks: {{{}, a{count}: {last}}}\n", blocks.join(", "))
}

#[test]
fn spaces_of_any_number_of_networks_are_counted() {
    large("", &"  - one_of: [conv, identity]\n".repeat(1000));
    large("", &"  - one_of: [conv, identity]\n".repeat(5000));
    large("", "  - conv: {channels: {int: [1, 1000000]}}\n");
    large("", "  - repeat: {times: {int: [1, 1000]}, body: [{one_of: [conv, identity]}]}\n");
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "", &"  - one_of: [conv, identity]\n".repeat(1000));
    assert!(ends(folder.path(), &["space", "x.yaml"]).out.contains("e+301 networks; 1000 decisions"));
}

#[test]
fn decisions_without_end_are_refused() {
    let million = (1..=100_000).map(|number| number.to_string()).collect::<Vec<_>>().join(", ");
    space("", &format!("  - conv: {{channels: {{one_of: [{million}]}}}}\n"), "more than 50000 values");
    let options = vec!["conv"; 20_000].join(", ");
    space("", &format!("  - one_of: [{options}]\n"), "too many options: at most 10000");
    let nested = |body: &str| {
        let repeat = |body: &str| format!("{{repeat: {{times: 100, fresh: true, body: [{body}]}}}}");
        format!("  - {}\n", repeat(&repeat(&repeat(body))))
    };
    space("", &nested("{one_of: [conv, identity]}"), "more than 10000 decisions");
    space("", &nested("identity"), "holds more than 500000 values");
    space("", "  - repeat: {times: 1000000000, body: [conv]}\n", "0 to 1000 can stand here");
    space("", "  - cell: {nodes: 10000, edge: {one_of: [conv, none]}}\n", "2 to 64 can stand here");
    space("", "  - cell: {nodes: 64, inputs: 8, node: conv}\n", "are more than 10000 choices");
    space("", "  - conv: {channels: {int: [1, 1152921504606846976]}}\n", "can stand here");
    space("", "  - dropout: {float: [0, 0.5], log: true}\n", "above 0");
    space("", "  - conv: {channels: {from: c, name: c}}\n", "error");
}

#[test]
fn blocks_do_not_explode() {
    space("blocks: {a: [{use: a}]}\n", "  - use: a\n", "block `a` uses itself");
    space("blocks: {a: [{use: b}], b: [{use: a}]}\n", "  - use: a\n", "uses itself: a → b → a");
    let nine = |fresh: bool| {
        move |next: usize| {
            let name = format!("a{next}");
            let used =
                if fresh { format!("{{use: {{block: {name}, fresh: true}}}}") } else { format!("{{use: {name}}}") };
            vec![used; 9].join(", ")
        }
    };
    space(&blocks(30, nine(false), "[conv]"), "  - use: a0\n", "more than 200000");
    space(&blocks(30, nine(false), "[identity]"), "  - use: a0\n", "more than 200000 layers");
    space(&blocks(30, nine(true), "[conv]"), "  - use: {block: a0, fresh: true}\n", "holds more than 500000 values");
    space(
        &blocks(5000, |next| format!("{{use: a{next}}}"), "[identity]"),
        "  - use: a0\n",
        "deeper than 256 in each other",
    );
    // Each block is known before it is used: only the network is deep.
    let known: String = (0..=200).rev().map(|index| format!("  - use: a{index}\n")).collect();
    space(&blocks(200, |next| format!("{{use: a{next}}}"), "[identity]"), &known, "deeper than 128 in each other");
}

#[test]
fn networks_that_no_machine_holds_are_refused() {
    space("", "  - conv: {channels: 1099511627776}\n", "1 to 1000000 can stand here");
    space(
        "",
        "  - conv: {channels: 1000000, kernel: 1023}\n  - conv: {channels: 1000000, kernel: 1023}\n",
        "larger than any machine holds",
    );
    space("", "  - flatten\n  - linear: 100000000\n  - linear: 100000000\n", "larger than any machine holds");
    space(
        "",
        &"  - conv: {kernel: 1, padding: 1024, channels: 1000000}\n".repeat(100),
        "larger than any machine holds",
    );
    space(
        "",
        "  - conv: {channels: 1000000}\n  - transformer_block: {heads: 1024, head_dim: 100000, mlp_ratio: 64}\n",
        "larger than any machine holds",
    );
    space(
        "",
        "  - patch_embed: {channels: 8}\n  - lstm: {features: 100000, layers: 64, bidirectional: true}\n",
        "larger than any machine holds",
    );
    space("", "  - conv: {kernel: 1023, padding: 0}\n", "does not fit into an image of 32x32");
    space("", "  - max_pool: {kernel: 1023}\n", "does not fit into an image of 32x32");
    space("", "  - conv: {channels: 7, groups: 5}\n", "x.yaml:4");
    let repeat = |body: &str| format!("{{repeat: {{times: 1000, body: [{body}]}}}}");
    space("", &format!("  - {}\n", repeat(&repeat(&repeat("conv")))), "more than 200000 operations");
    space("", &format!("  - {}\n", repeat(&repeat(&repeat("identity")))), "more than 200000 layers");
    space(
        "",
        "  - conv: {channels: -1, kernel: -3, stride: -1, dilation: -1, groups: -1}\n  - dropout: -1\n",
        "can stand here",
    );
    space(
        "",
        "  - conv: {channels: {one_of: [8, 16], name: c}}\n  - conv: {channels: {from: c, times: 1.0e+300}}\n",
        "x.yaml:4",
    );
}

#[test]
fn shapes_of_inputs_are_bounded() {
    for (head, words) in [
        ("input: [3, 18446744073709551615, 18446744073709551615]\nclasses: 10\n", "1 to 1000000 can stand here"),
        ("input: [1000000, 1000000, 1000000]\nclasses: 10\n", "larger than any machine holds"),
        ("input: [0, 0, 0]\nclasses: 10\n", "1 to 1000000 can stand here"),
        ("input: [-1, 2, 3]\nclasses: 10\n", "1 to 1000000 can stand here"),
        ("input: []\nclasses: 10\n", "1 to 3 items"),
        ("input: [3, 8, 8]\nclasses: 1000000000000\n", "1 to 1000000 can stand here"),
        ("input: [3, 8, 8]\nclasses: -1\n", "1 to 1000000 can stand here"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x.yaml"), format!("{head}network: [conv, flatten, {{linear: classes}}]\n"))
            .unwrap();
        for command in ["check", "space"] {
            refused(folder.path(), &[command, "x.yaml"], words);
        }
    }
}
