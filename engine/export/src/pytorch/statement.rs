//! The class `Network`: a module a node with weights, and a statement a node.

use pleach_space::{Network, Node, Op, RecurrentKind};
use pleach_spec::{ActivationKind, PoolKind, PositionKind};
use std::fmt::Write;

/// The class, and before it the functions that only some networks need.
pub(super) fn class(network: &Network, live: &[bool]) -> String {
    let mut text = String::new();
    if network.nodes.iter().zip(live).any(|(node, &live)| live && matches!(node.op, Op::DropPath { .. })) {
        text.push_str(DROP_PATH);
    }
    for (function, is_used) in SEQUENCE_PARTS {
        if network.nodes.iter().any(is_used) {
            text.push_str(function);
        }
    }
    text.push_str("\n\nclass Network(nn.Module):\n    def __init__(self):\n        super().__init__()\n");
    for (index, node) in network.nodes.iter().enumerate() {
        if let Some(module) = module(node) {
            // Writing to a string cannot fail.
            let unused = if live[index] { "" } else { "  # the output does not depend on it" };
            let _ = writeln!(text, "        self.{} = {module}{unused}", network.node_name(index));
        }
    }
    text.push_str(&forward(network, live));
    text
}

const DROP_PATH: &str = r#"

def drop_path(x, probability, training):
    """Zeroes whole examples while training, and scales the others up."""
    if not training or probability == 0.0:
        return x
    kept = torch.rand(x.shape[0], *(1,) * (x.dim() - 1), device=x.device) >= probability
    return x * kept / (1.0 - probability)
"#;

/// What is defined once, where some node needs it.
type Part = (&'static str, fn(&Node) -> bool);

const SEQUENCE_PARTS: [Part; 2] = [
    (ATTENTION, |node| matches!(node.op, Op::Attention { .. })),
    (POSITION, |node| matches!(node.op, Op::Position { .. })),
];

const ATTENTION: &str = r#"

def attention(x, heads, dropout=0.0):
    """Attention of tokens (batch, channels, length) whose channels are queries, keys and values."""
    query, key, value = x.mT.unflatten(2, (3, heads, -1)).permute(2, 0, 3, 1, 4)
    x = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout)
    return x.transpose(1, 2).flatten(2).mT
"#;

const POSITION: &str = r#"

class Position(nn.Module):
    """Adds what tells places to tokens (batch, channels, length)."""

    def __init__(self, channels, length, learned=True):
        super().__init__()
        weight = torch.zeros(channels, length)
        if learned:
            self.weight = nn.Parameter(nn.init.trunc_normal_(weight, std=0.02, a=-0.04, b=0.04))
        else:
            channel = torch.arange(channels)
            angle = torch.arange(length) / 10000.0 ** ((channel - channel % 2) / channels)[:, None]
            weight = torch.where((channel % 2 == 0)[:, None], angle.sin(), angle.cos())
            self.register_buffer("weight", weight)

    def forward(self, x):
        return x + self.weight
"#;

/// The method `forward`. A value that only the next statement takes is called `x`; the others bear their nodes' names,
/// so that plain chains read as chains and do not keep what they no longer need.
fn forward(network: &Network, live: &[bool]) -> String {
    let order: Vec<usize> = (1..network.nodes.len()).filter(|&index| live[index]).collect();
    let mut names: Vec<String> = vec![String::new(); network.nodes.len()];
    let parameter = match network.input_shape().0.len() {
        3 => "images",
        2 => "sequences",
        _ => "features",
    };
    names[0] = parameter.to_string();
    for (place, &index) in order.iter().enumerate() {
        let takers = order.iter().filter(|&&taker| network.nodes[taker].inputs.contains(&(index as u32)));
        let takers: Vec<usize> = takers.copied().collect();
        let is_output = index == network.output as usize;
        let chained = match takers.as_slice() {
            [] => is_output && place + 1 == order.len(),
            [taker] => !is_output && order.get(place + 1) == Some(taker),
            _ => false,
        };
        names[index] = if chained { "x".to_string() } else { network.node_name(index) };
    }
    let mut text = format!("\n    def forward(self, {parameter}):\n");
    let mut layer = "";
    for &index in &order {
        let node = &network.nodes[index];
        if &*node.path != layer {
            layer = &node.path;
            let _ = writeln!(text, "        # {}", layer.replace(char::is_control, " "));
        }
        let inputs: Vec<&str> = node.inputs.iter().map(|&input| names[input as usize].as_str()).collect();
        let of_image = node.inputs.first().is_some_and(|&input| network.nodes[input as usize].shape.is_image());
        let value = value(node, &network.node_name(index), &inputs, parameter, of_image);
        if value != names[index] {
            text.push_str(&statement(&names[index], &value, &inputs, &node.op));
        }
    }
    let _ = writeln!(text, "        return {}", names[network.output as usize]);
    text
}

/// An assignment; where it is too long, sums and concatenations stand a term a line.
fn statement(name: &str, value: &str, inputs: &[&str], op: &Op) -> String {
    let line = format!("        {name} = {value}\n");
    if line.len() <= 100 {
        return line;
    }
    let each = |before: &str, after: &str| -> String {
        inputs.iter().map(|input| format!("            {before}{input}{after}\n")).collect()
    };
    match op {
        Op::Add => {
            let terms = each("+ ", "").replacen("+ ", "", 1);
            format!("        {name} = (\n{terms}        )\n")
        }
        Op::Concat => format!(
            "        {name} = torch.cat(\n            [\n{}            ],\n            dim=1,\n        )\n",
            each("    ", ",")
        ),
        _ => line,
    }
}

/// The module that holds a node's weights, if it has any; settings that are PyTorch's defaults are left out.
fn module(node: &Node) -> Option<String> {
    Some(match node.op {
        Op::Conv { in_channels, out_channels, kernel, stride, padding, dilation, groups, bias }
        | Op::Conv1d { in_channels, out_channels, kernel, stride, padding, dilation, groups, bias } => {
            let axes = if node.shape.is_image() { 2 } else { 1 };
            let mut text = format!("nn.Conv{axes}d({in_channels}, {out_channels}, {kernel}");
            let settings =
                [("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1), ("groups", groups, 1)];
            for (name, value, default) in settings {
                if value != default {
                    let _ = write!(text, ", {name}={value}");
                }
            }
            text + if bias { ")" } else { ", bias=False)" }
        }
        Op::Recurrent { kind, in_channels, features, bidirectional } => {
            let kind = if kind == RecurrentKind::Lstm { "LSTM" } else { "GRU" };
            let both = if bidirectional { ", bidirectional=True" } else { "" };
            format!("nn.{kind}({in_channels}, {features}, batch_first=True{both})")
        }
        Op::Position { channels, length, kind } => {
            let fixed = if kind == PositionKind::Learned { "" } else { ", learned=False" };
            format!("Position({channels}, {length}{fixed})")
        }
        Op::Linear { in_features, out_features, bias } => {
            format!("nn.Linear({in_features}, {out_features}{})", if bias { "" } else { ", bias=False" })
        }
        Op::BatchNorm { channels, momentum, epsilon, affine } => {
            let kind = if node.shape.is_image() { "BatchNorm2d" } else { "BatchNorm1d" };
            let momentum = if momentum == 0.1 { String::new() } else { format!(", momentum={momentum:?}") };
            let affine = if affine { "" } else { ", affine=False" };
            format!("nn.{kind}({channels}{}{momentum}{affine})", eps(epsilon))
        }
        Op::LayerNorm { channels, epsilon } if node.shape.is_image() => {
            format!("nn.GroupNorm(1, {channels}{})", eps(epsilon))
        }
        Op::LayerNorm { channels, epsilon } => format!("nn.LayerNorm({channels}{})", eps(epsilon)),
        Op::GroupNorm { channels, groups, epsilon } => format!("nn.GroupNorm({groups}, {channels}{})", eps(epsilon)),
        _ => return None,
    })
}

fn eps(epsilon: f64) -> String {
    if epsilon == 1e-5 { String::new() } else { format!(", eps={epsilon:?}") }
}

/// The expression that computes a node; `input` is the name of the network's own input, and `input_is_image` says whether
/// the node takes an image.
fn value(node: &Node, name: &str, inputs: &[&str], input: &str, input_is_image: bool) -> String {
    let x = inputs.first().copied().unwrap_or(input);
    let pool = |function: &str, kernel: usize, stride: usize, padding: usize, more: &str| {
        let mut text = format!("F.{function}({x}, {kernel}");
        if stride != kernel {
            let _ = write!(text, ", stride={stride}");
        }
        if padding != 0 {
            let _ = write!(text, ", padding={padding}");
        }
        format!("{text}{more})")
    };
    match node.op {
        Op::Input => x.to_string(),
        // Tokens with their channels last, as these modules take them.
        Op::Linear { .. } | Op::LayerNorm { .. } if node.shape.is_sequence() => format!("self.{name}({x}.mT).mT"),
        Op::Recurrent { .. } => format!("self.{name}({x}.mT)[0].mT"),
        Op::Attention { heads, dropout } => {
            let dropout = if dropout == 0.0 { String::new() } else { format!(", {dropout:?} * self.training") };
            format!("attention({x}, {heads}{dropout})")
        }
        Op::ToSequence => format!("{x}.flatten(2)"),
        Op::ToImage { height, width } => format!("{x}.unflatten(2, ({height}, {width}))"),
        Op::Conv { .. }
        | Op::Conv1d { .. }
        | Op::Linear { .. }
        | Op::Position { .. }
        | Op::BatchNorm { .. }
        | Op::LayerNorm { .. }
        | Op::GroupNorm { .. } => {
            format!("self.{name}({x})")
        }
        Op::Activation(kind) => activation(kind, x),
        Op::MaxPool { kernel, stride, padding } => pool("max_pool2d", kernel, stride, padding, ""),
        Op::AvgPool { kernel, stride, padding } => {
            pool("avg_pool2d", kernel, stride, padding, if padding == 0 { "" } else { ", count_include_pad=False" })
        }
        Op::AdaptivePool { size, kind: PoolKind::Average } => format!("F.adaptive_avg_pool2d({x}, {size})"),
        Op::AdaptivePool { size, kind: PoolKind::Max } => format!("F.adaptive_max_pool2d({x}, {size})"),
        Op::GlobalPool { kind } => {
            let function = if kind == PoolKind::Average { "mean" } else { "amax" };
            let places = if input_is_image { "(2, 3)" } else { "2" };
            format!("{x}.{function}(dim={places})")
        }
        Op::Flatten => format!("{x}.flatten(1)"),
        Op::Dropout { probability } => format!("F.dropout({x}, {probability:?}, self.training)"),
        Op::DropPath { probability } => format!("drop_path({x}, {probability:?}, self.training)"),
        // One pixel up and left; zeros come in at the bottom and on the right.
        Op::Shift => format!("F.pad({x}, (0, 1, 0, 1))[:, :, 1:, 1:]"),
        Op::Add => inputs.join(" + "),
        Op::Concat => format!("torch.cat([{}], dim=1)", inputs.join(", ")),
        Op::Multiply => inputs.join(" * "),
        Op::Zero => {
            let axes: Vec<String> = node.shape.0.iter().map(ToString::to_string).collect();
            format!("{x}.new_zeros({x}.shape[0], {})", axes.join(", "))
        }
    }
}

fn activation(kind: ActivationKind, x: &str) -> String {
    match kind {
        ActivationKind::None => x.to_string(),
        ActivationKind::Relu => format!("F.relu({x})"),
        ActivationKind::Relu6 => format!("F.relu6({x})"),
        ActivationKind::LeakyRelu => format!("F.leaky_relu({x}, 0.01)"),
        ActivationKind::Elu => format!("F.elu({x})"),
        ActivationKind::Gelu => format!("F.gelu({x})"),
        ActivationKind::Silu => format!("F.silu({x})"),
        ActivationKind::HardSwish => format!("F.hardswish({x})"),
        ActivationKind::HardSigmoid => format!("F.hardsigmoid({x})"),
        ActivationKind::Sigmoid => format!("torch.sigmoid({x})"),
        ActivationKind::Tanh => format!("torch.tanh({x})"),
        ActivationKind::Softplus => format!("F.softplus({x})"),
    }
}
