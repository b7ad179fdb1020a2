//! Layers of tokens: shapes, costs by hand, canonical form, and what is said where they do not fit.

use pleach_space::{Built, Space, View};
use pleach_spec::Decide;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;

fn build_on(input: Value, network: Value) -> Result<Built, (String, Option<String>)> {
    let section = json!({"input": input, "network": network});
    let (space, problems) = Space::compile(&section, "", None);
    assert_eq!(problems, []);
    space.unwrap().build(&[]).map_err(|problem| (problem.message, problem.help))
}

fn build(network: Value) -> Built {
    build_on(json!([3, 8, 8]), network).unwrap()
}

fn shape(input: Value, layer: Value) -> Vec<usize> {
    build_on(input, json!([layer])).unwrap().network.output_shape().0.to_vec()
}

#[test]
fn channels_come_first_everywhere() {
    assert_eq!(shape(json!([3, 8, 12]), json!({"patch_embed": {"patch": 4, "channels": 5}})), [5, 6]);
    assert_eq!(shape(json!([6, 10]), json!({"self_attention": {"heads": 3}})), [6, 10]);
    assert_eq!(shape(json!([6, 10]), json!({"transformer_block": {"heads": 5, "head_dim": 3}})), [6, 10]);
    assert_eq!(shape(json!([6, 4, 5]), json!({"transformer_block": {"heads": 2}})), [6, 4, 5], "an image stays one");
    assert_eq!(shape(json!([6, 10]), json!({"conv1d": {"channels": 7, "stride": 2}})), [7, 5]);
    assert_eq!(shape(json!([6, 10]), json!({"lstm": {"features": 4, "bidirectional": true, "layers": 2}})), [8, 10]);
    assert_eq!(shape(json!([6, 10]), json!("gru")), [6, 10]);
    assert_eq!(shape(json!([6, 10]), json!({"position": "sinusoidal"})), [6, 10]);
    assert_eq!(shape(json!([6, 10]), json!({"linear": 4})), [4, 10]);
    assert_eq!(shape(json!([6, 10]), json!({"global_pool": "max"})), [6]);
    assert_eq!(shape(json!([6, 10]), json!("flatten")), [60]);
    assert_eq!(
        shape(json!([6, 10]), json!({"parallel": {"branches": ["gru", "identity"], "join": "concat"}})),
        [12, 10]
    );
    assert_eq!(shape(json!([6, 10]), json!({"residual": {"body": [{"linear": 4}], "project": true}})), [4, 10]);
}

#[test]
fn costs_are_the_papers_sums() {
    // Queries, keys, values and output: 4 c^2 weights and 4 c biases; the perceptron: 2 r c^2 and (r + 1) c; two norms.
    let (c, n, r) = (6, 10, 4);
    let block = build_on(json!([c, n]), json!([{"transformer_block": {"heads": 3, "mlp_ratio": r}}])).unwrap().costs;
    let weights = 4 * c * c + 2 * r * c * c;
    let biases = 4 * c + (r + 1) * c;
    assert_eq!(block.parameters, weights + biases + 2 * 2 * c);
    // Each weight and bias once a token, and two products of n tokens with n tokens over all channels.
    assert_eq!(block.flops, n * (weights + biases) + 2 * n * n * c);
    let without = build_on(json!([c, n]), json!([{"transformer_block": {"heads": 3, "mlp_ratio": r, "bias": false}}]));
    assert_eq!(without.unwrap().costs.parameters, weights + 2 * 2 * c);
    let attention = build_on(json!([c, n]), json!([{"self_attention": {"heads": 3}}])).unwrap().costs;
    // Outputs of both linear layers and of attention, and the weights of three heads.
    assert_eq!(attention.activation_bytes, 4 * (3 * c * n + c * n + 3 * n * n + c * n));

    let (c, h, n) = (5, 4, 9);
    let lstm = build_on(json!([c, n]), json!([{"lstm": {"features": h, "bidirectional": true}}])).unwrap().costs;
    assert_eq!(lstm.parameters, 2 * 4 * (h * c + h * h + 2 * h));
    assert_eq!(lstm.flops, n * lstm.parameters);
    let gru = build_on(json!([c, n]), json!([{"gru": {"features": h, "layers": 2}}])).unwrap().costs;
    assert_eq!(gru.parameters, 3 * (h * c + h * h + 2 * h) + 3 * (h * h + h * h + 2 * h));
    let conv =
        build_on(json!([c, n]), json!([{"conv1d": {"channels": 10, "groups": 5, "norm": "none"}}])).unwrap().costs;
    assert_eq!((conv.parameters, conv.flops), (10 * 3 + 10, n * (10 * 3 + 10)));
    let places = |kind| build_on(json!([c, n]), json!([{"position": kind}])).unwrap().costs.parameters;
    assert_eq!((places("learned"), places("sinusoidal")), (c * n, 0));
}

#[test]
fn blocks_on_an_image_pass_tokens_on() {
    let twice = build(json!([{"transformer_block": {"heads": 3}}, {"transformer_block": {"heads": 3}}]));
    let names: Vec<&str> = twice.network.nodes.iter().map(|node| node.op.name()).collect();
    assert_eq!(names.iter().filter(|name| **name == "to_sequence").count(), 1);
    assert_eq!(names.iter().filter(|name| **name == "to_image").count(), 1);
    assert_eq!(names.last(), Some(&"to_image"));
}

#[test]
fn every_setting_makes_another_network() {
    let blocks = [
        json!({"transformer_block": {"heads": 3}}),
        json!({"transformer_block": {"heads": 1}}),
        json!({"transformer_block": {"heads": 3, "head_dim": 2}}),
        json!({"transformer_block": {"heads": 3, "mlp_ratio": 2.0}}),
        json!({"transformer_block": {"heads": 3, "dropout": 0.1}}),
        json!({"transformer_block": {"heads": 3, "drop_path": 0.1}}),
        json!({"transformer_block": {"heads": 3, "norm": "batch"}}),
        json!({"transformer_block": {"heads": 3, "pre_norm": false}}),
        json!({"transformer_block": {"heads": 3, "activation": "relu"}}),
        json!({"transformer_block": {"heads": 3, "bias": false}}),
        json!({"self_attention": {"heads": 3}}),
        json!({"self_attention": {"heads": 3, "dropout": 0.1}}),
        json!([{"position": "learned"}]),
        json!([{"position": "sinusoidal"}]),
        json!([{"patch_embed": {"patch": 2, "channels": 6}}, "lstm"]),
        json!([{"patch_embed": {"patch": 2, "channels": 6}}, "gru"]),
        json!([{"patch_embed": {"patch": 2, "channels": 6}}, {"gru": {"bidirectional": true}}]),
        json!([{"patch_embed": {"patch": 2, "channels": 6}}, {"conv1d": {"kernel": 1}}]),
        json!([{"patch_embed": {"patch": 2, "channels": 6}}, {"conv1d": {"kernel": 3}}]),
        json!([{"patch_embed": {"patch": 4, "channels": 6}}]),
        json!([{"patch_embed": {"patch": 4, "channels": 6, "norm": "layer"}}]),
    ];
    let fingerprints: HashSet<_> = blocks.iter().map(|block| build(json!([block])).fingerprint).collect();
    assert_eq!(fingerprints.len(), blocks.len());
}

#[test]
fn what_does_not_fit_is_said_with_what_would() {
    let fails = |input: Value, layer: Value| {
        let (message, help) = build_on(input, json!([layer])).unwrap_err();
        format!("{message}; {}", help.unwrap_or_default())
    };
    assert_eq!(
        fails(json!([54, 10]), json!({"transformer_block": {"heads": 4}})),
        "4 heads do not divide 54 channels; take 1, 2, 3, 6 or 9 heads, or state `head_dim`, the width of a head"
    );
    assert_eq!(
        fails(json!([3, 32, 24]), json!({"patch_embed": {"patch": 5, "channels": 8}})),
        "patches of 5x5 do not divide an image of 32x24; take `patch: 1, 2, 4 or 8`"
    );
    assert_eq!(
        fails(json!([3, 8, 8]), json!("lstm")),
        "`lstm` needs a sequence (channels, length), but gets an image of 3x8x8; put `patch_embed` before it for images"
    );
    assert_eq!(
        fails(json!([3, 8, 8]), json!("conv1d")),
        "`conv1d` needs a sequence (channels, length), but gets an image of 3x8x8; take `conv` for images, or `patch_embed` before it"
    );
    assert_eq!(
        fails(json!([6, 8]), json!("conv")),
        "`conv` needs an image (channels, height, width), but gets a sequence of 6x8; take `conv1d`, or put it before `patch_embed`"
    );
    assert_eq!(
        fails(json!([6]), json!("self_attention")),
        "`self_attention` needs a sequence or an image, but gets 6 features; put it before `global_pool` or `flatten`"
    );
    assert_eq!(
        fails(json!([6, 2]), json!({"conv1d": {"kernel": 5, "padding": 0}})),
        "`conv1d` of kernel 5 does not fit into a sequence of length 2; take a smaller kernel, more padding, or fewer strides before it"
    );
    let section = json!({"input": [6, 8], "classes": 6, "network": [{"self_attention": {"heads": 2}}]});
    let problem = Space::compile(&section, "", None).0.unwrap().build(&[]).unwrap_err();
    assert_eq!(problem.code, "network-output", "a sequence is no vector of scores");
}

#[test]
fn random_members_of_the_ready_spaces_build_and_are_told_apart() {
    let least = [("autoformer-tiny-32", 250), ("conv-transformer", 250)];
    for (name, distinct) in least {
        let path = format!("{}/../../specs/spaces/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        let section: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let (space, problems) = Space::compile(&section, "", None);
        assert_eq!(problems, []);
        let space = Arc::new(space.unwrap());
        assert_eq!(space.check(200), []);
        let view = View::new(space.clone(), Decide::All, space.defaults());
        let mut fingerprints = HashSet::new();
        for genotype in view.sample(300, 5) {
            let built = view.build(&genotype).unwrap();
            assert_eq!(built.network.output_shape().0.as_slice(), [10]);
            assert!(built.costs.live_parameters <= built.costs.parameters);
            let (nodes, edges) = view.graph(&genotype);
            assert!(nodes.len() > 10 && edges.iter().all(|(a, b)| a < b));
            fingerprints.insert(built.fingerprint);
        }
        assert!(fingerprints.len() >= distinct, "{name}: {}", fingerprints.len());
    }
}
