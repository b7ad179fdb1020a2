use super::*;
use crate::testing::{Case, cases};
use safetensors::tensor::TensorView;

fn read(case: &Case) -> Weights {
    Weights::from_bytes(&case.network, &case.checkpoint).unwrap()
}

fn preprocessing() -> Preprocessing {
    Preprocessing {
        mean: vec![0.3],
        deviation: vec![0.25],
        scale: 0.0625,
        classes: vec!["zero".into(), "a \"quoted\" one".into()],
    }
}

#[test]
fn a_file_for_inference_holds_the_networks_tensors_alone() {
    for case in cases() {
        let file = inference_weights(&case.network, &read(&case), &Preprocessing::default()).unwrap();
        let checkpoint = SafeTensors::deserialize(&case.checkpoint).unwrap();
        let found = SafeTensors::deserialize(&file).unwrap();
        assert_eq!(found.len(), case.network.tensors().count());
        for (name, _) in case.network.tensors() {
            let (tensor, original) = (found.tensor(&name).unwrap(), checkpoint.tensor(&name).unwrap());
            assert_eq!(tensor.shape(), original.shape());
            assert_eq!(tensor.data(), original.data());
        }
        // It is itself a checkpoint to read, and says the same again.
        let again = Weights::from_bytes(&case.network, &file).unwrap();
        assert_eq!(again, read(&case));
        assert_eq!(inference_weights(&case.network, &again, &Preprocessing::default()).unwrap(), file);
    }
}

#[test]
fn metadata_say_what_to_feed_it() {
    let case = cases().swap_remove(0);
    let file = inference_weights(&case.network, &read(&case), &preprocessing()).unwrap();
    let (length, metadata) = SafeTensors::read_metadata(&file).unwrap();
    assert_eq!(length % 8, 0);
    let metadata = metadata.metadata().clone().unwrap();
    let json = |key: &str| serde_json::from_str::<Value>(&metadata[key]).unwrap();
    assert_eq!(json("pleach.format"), json!(WEIGHTS_FORMAT));
    assert_eq!(json("input_shape"), json!([1, 8, 8]));
    assert_eq!(json("classes"), json!(["zero", "a \"quoted\" one"]));
    assert_eq!(json("preprocessing"), json!({"scale": 0.0625, "mean": [0.3], "deviation": [0.25]}));
}

#[test]
fn weights_of_another_network_are_refused() {
    let case = cases().swap_remove(0);
    let mut tensors = SafeTensors::deserialize(&case.checkpoint).unwrap().tensors();
    tensors.retain(|(name, _)| name != "conv_4.weight");
    let bytes = safetensors::serialize(tensors, None).unwrap();
    insta::assert_snapshot!(
        Weights::from_bytes(&case.network, &bytes).unwrap_err(),
        @"the weights have no tensor `conv_4.weight`, which the network needs: they belong to another network"
    );
    let zeros = [0; 32];
    let replaced = |dtype, shape: &[usize], bytes: usize| {
        let view = TensorView::new(dtype, shape.to_vec(), &zeros[..bytes]).unwrap();
        let checkpoint = SafeTensors::deserialize(&case.checkpoint).unwrap();
        let mut tensors = checkpoint.tensors();
        tensors
            .iter_mut()
            .filter(|(name, _)| name == "batch_norm_2.bias")
            .for_each(|(_, tensor)| *tensor = view.clone());
        let bytes = safetensors::serialize(tensors, None).unwrap();
        Weights::from_bytes(&case.network, &bytes).unwrap_err().to_string()
    };
    insta::assert_snapshot!(
        replaced(Dtype::F32, &[2, 4], 32),
        @"tensor `batch_norm_2.bias` has shape [2, 4], but the network needs [8]: it belongs to another network"
    );
    insta::assert_snapshot!(
        replaced(Dtype::F16, &[8], 16),
        @"tensor `batch_norm_2.bias` holds F16 numbers, but only F32 can be exported"
    );
}

#[test]
fn what_is_no_checkpoint_is_refused_with_its_path() {
    let case = cases().swap_remove(0);
    let error = Weights::from_bytes(&case.network, b"not weights").unwrap_err();
    assert!(matches!(error, ExportError::NotSafetensors(_)), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing.safetensors");
    let error = Weights::from_file(&case.network, &path).unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot read the weights `{}`", path.display())), "{error}");
    std::fs::write(&path, &case.checkpoint).unwrap();
    assert_eq!(Weights::from_file(&case.network, &path).unwrap(), read(&case));
}
