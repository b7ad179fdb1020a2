//! The messages of TensorBoard that trials need, by the field numbers of its `event.proto`, `summary.proto` and
//! `plugins/hparams/{api,plugin_data}.proto`, and of protobuf's `struct.proto`.

use prost::{Message, Oneof};
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub time: f64,
    #[prost(int64, tag = "2")]
    pub step: i64,
    #[prost(oneof = "What", tags = "3, 5")]
    pub what: Option<What>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum What {
    #[prost(string, tag = "3")]
    Version(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Summary {
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<SummaryValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SummaryValue {
    #[prost(string, tag = "1")]
    pub tag: String,
    #[prost(message, optional, tag = "9")]
    pub metadata: Option<SummaryMetadata>,
    #[prost(oneof = "ScalarOrContent", tags = "2")]
    pub value: Option<ScalarOrContent>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum ScalarOrContent {
    #[prost(float, tag = "2")]
    Simple(f32),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SummaryMetadata {
    #[prost(message, optional, tag = "1")]
    pub plugin: Option<PluginData>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PluginData {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(bytes = "vec", tag = "2")]
    pub content: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HparamsData {
    #[prost(int32, tag = "1")]
    pub version: i32,
    #[prost(oneof = "Data", tags = "2, 3, 4")]
    pub data: Option<Data>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Data {
    #[prost(message, tag = "2")]
    Experiment(Experiment),
    #[prost(message, tag = "3")]
    Start(SessionStart),
    #[prost(message, tag = "4")]
    End(SessionEnd),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Experiment {
    #[prost(string, tag = "1")]
    pub description: String,
    #[prost(double, tag = "3")]
    pub created: f64,
    #[prost(message, repeated, tag = "4")]
    pub columns: Vec<HparamInfo>,
    #[prost(message, repeated, tag = "5")]
    pub metrics: Vec<MetricInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HparamInfo {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(int32, tag = "4")]
    pub kind: i32,
    #[prost(oneof = "DomainOf", tags = "5, 6")]
    pub domain: Option<DomainOf>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum DomainOf {
    #[prost(message, tag = "5")]
    Discrete(Discrete),
    #[prost(message, tag = "6")]
    Interval(Interval),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Discrete {
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Interval {
    #[prost(double, tag = "1")]
    pub low: f64,
    #[prost(double, tag = "2")]
    pub high: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Entry {
    #[prost(oneof = "Kind", tags = "2, 3")]
    pub kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Kind {
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    Text(String),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct MetricInfo {
    #[prost(message, optional, tag = "1")]
    pub name: Option<MetricName>,
    #[prost(string, tag = "3")]
    pub display_name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct MetricName {
    #[prost(string, tag = "1")]
    pub group: String,
    #[prost(string, tag = "2")]
    pub tag: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SessionStart {
    #[prost(btree_map = "string, message", tag = "1")]
    pub values: BTreeMap<String, Entry>,
    #[prost(string, tag = "4")]
    pub group: String,
    #[prost(double, tag = "5")]
    pub start: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SessionEnd {
    #[prost(int32, tag = "1")]
    pub status: i32,
    #[prost(double, tag = "2")]
    pub end: f64,
}
