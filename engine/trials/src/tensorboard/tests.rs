use super::*;
use crate::testing;

/// The events of a file, with lengths and checksums looked at by the format's own words.
fn events(path: &Path) -> Vec<Event> {
    let bytes = fs::read(path).unwrap();
    let mut rest = bytes.as_slice();
    let mut events = Vec::new();
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        let checksum = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
        assert_eq!(unmasked(checksum(8)), castagnoli(&rest[..8]));
        assert_eq!(unmasked(checksum(12 + length)), castagnoli(&rest[12..12 + length]));
        events.push(Event::decode(&rest[12..12 + length]).unwrap());
        rest = &rest[16 + length..];
    }
    events
}

fn unmasked(masked: u32) -> u32 {
    masked.wrapping_sub(0xa282_ead8).rotate_left(15)
}

fn scalars(events: &[Event]) -> Vec<(String, i64, f32)> {
    let mut found = Vec::new();
    for event in events {
        let Some(What::Summary(summary)) = &event.what else { continue };
        for value in &summary.values {
            if let Some(ScalarOrContent::Simple(number)) = value.value {
                found.push((value.tag.clone(), event.step, number));
            }
        }
    }
    found
}

fn plugin_data(events: &[Event]) -> Vec<Data> {
    let mut found = Vec::new();
    for event in events {
        let Some(What::Summary(summary)) = &event.what else { continue };
        for metadata in summary.values.iter().filter_map(|value| value.metadata.as_ref()) {
            let plugin = metadata.plugin.as_ref().unwrap();
            assert_eq!(plugin.name, "hparams");
            found.extend(HparamsData::decode(plugin.content.as_slice()).unwrap().data);
        }
    }
    found
}

#[test]
fn checksums_are_those_of_the_standard() {
    // RFC 3720, appendix B.4.
    let rising: Vec<u8> = (0..32).collect();
    assert_eq!(castagnoli(&[0; 32]).to_le_bytes(), [0xaa, 0x36, 0x91, 0x8a]);
    assert_eq!(castagnoli(&[0xff; 32]).to_le_bytes(), [0x43, 0xab, 0xa8, 0x62]);
    assert_eq!(castagnoli(&rising).to_le_bytes(), [0x4e, 0x79, 0xdd, 0x46]);
}

#[test]
fn each_trial_is_a_run_with_curves_metrics_and_hyperparameters() {
    let root = tempfile::tempdir().unwrap();
    let trials = testing::trials(root.path());
    let out = root.path().join("board");
    tensorboard(&trials, 1000.0, &out).unwrap();

    let first = events(&out.join("explore/0").join(FILE));
    assert_eq!(first[0].what, Some(What::Version("brain.Event:2".into())));
    let values = scalars(&first);
    let curve: Vec<_> = values.iter().filter(|(tag, ..)| tag == "curve/accuracy").collect();
    assert_eq!(curve, [&("curve/accuracy".into(), 1, 0.4), &("curve/accuracy".into(), 2, 0.8)]);
    assert!(values.contains(&("metric/parameters".into(), 2, 40.0)));
    let hyperparameters = plugin_data(&first);
    let (Data::Start(start), Data::End(end)) = (&hyperparameters[0], &hyperparameters[1]) else {
        panic!("{hyperparameters:?}")
    };
    assert_eq!(start.values[testing::DECISIONS[0]].kind, Some(Kind::Number(3.0)));
    assert_eq!(start.values[testing::DECISIONS[2]].kind, Some(Kind::Number(16.0)));
    assert_eq!((start.start, end.end, end.status), (1000.0, 1001.5, SUCCESS));

    let second = plugin_data(&events(&out.join("explore/1").join(FILE)));
    let Data::Start(start) = &second[0] else { panic!("{second:?}") };
    assert!(!start.values.contains_key(testing::DECISIONS[2]), "what does not count has no value");
    let failed = plugin_data(&events(&out.join("explore/2").join(FILE)));
    assert!(matches!(&failed[1], Data::End(end) if end.status == FAILURE));
    let running = plugin_data(&events(&out.join("explore/4").join(FILE)));
    assert_eq!(running.len(), 1, "it has not ended");

    let whole = plugin_data(&events(&out.join(FILE)));
    let Data::Experiment(experiment) = &whole[0] else { panic!("{whole:?}") };
    assert_eq!(experiment.columns.len(), 2 + trials.decisions.len());
    let tags: Vec<&str> = experiment.metrics.iter().map(|metric| metric.name.as_ref().unwrap().tag.as_str()).collect();
    assert_eq!(tags, ["metric/accuracy", "metric/parameters"]);
}

#[test]
fn tensorboard_reads_it() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("board");
    tensorboard(&testing::trials(root.path()), 1000.0, &out).unwrap();
    let script = r#"
import sys
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams import plugin_data_pb2
board = EventMultiplexer()
board.AddRunsFromDirectory(sys.argv[1])
board.Reload()
print(len(board.Runs()))
print([(event.step, round(event.value, 6)) for event in board.Scalars("explore/0", "curve/accuracy")])
print(board.Scalars("final/0", "metric/accuracy")[0].value)
metadata = board.SummaryMetadata("explore/1", "_hparams_/session_start_info")
data = plugin_data_pb2.HParamsPluginData.FromString(metadata.plugin_data.content)
print(data.session_start_info.hparams["space.training.optimizer.sgd.rate"].number_value)
"#;
    let Some(said) = testing::python("tensorboard", script, &out) else { return };
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines, ["7", "[(1, 0.4), (2, 0.8)]", "0.8500000238418579", "0.01"]);
}
