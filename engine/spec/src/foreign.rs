//! What others call what is written in an experiment: names of PyTorch, Keras, Optuna, NNI, NePS, Hydra, and plain habit.
//!
//! A word of this table means one of ours only where ours can stand, so that one table serves keys, words, metrics and strategies.

/// Our word, and what others say for it: lower case, letters and digits alone.
#[rustfmt::skip]
const NAMES: &[(&str, &[&str])] = &[
    // Sections and steps.
    ("space", &["searchspace", "choices"]),
    ("network", &["model", "arch", "architecture", "layers", "net", "backbone"]),
    ("training", &["train", "trainer", "hyperparameters", "hparams", "recipe", "fit"]),
    ("objectives", &["objective", "goal", "goals", "metric", "metrics", "direction", "directions", "target", "optimizedmetric"]),
    ("steps", &["step", "stages", "pipeline", "jobs", "tasks", "phases", "experiment"]),
    ("name", &["experimentname", "title", "studyname", "project"]),
    ("seed", &["randomseed", "randomstate", "seeds"]),
    ("concurrency", &["trialconcurrency", "workers", "njobs", "parallelism", "numworkers", "maxconcurrent"]),
    ("require", &["constraint", "constraints", "limits", "requirements"]),
    ("search", &["nas", "optimize", "explore", "study"]),
    ("hpo", &["tune", "tuning", "hyperparametersearch"]),
    ("train", &["retrain", "fit", "evaluate", "training"]),
    ("robustness", &["attack", "robust"]),
    ("export", &["save", "deploy", "ship"]),
    ("strategy", &["algorithm", "algo", "tuner", "sampler", "searcher", "optimizer", "method", "explorationstrategy"]),
    ("with", &["options", "params", "config", "kwargs", "args", "arguments", "settings", "classargs"]),
    ("budget", &["limit", "timeout", "maxtime"]),
    ("trials", &["ntrials", "numtrials", "maxtrials", "maxtrialnumber", "evaluations", "maxevaluationstotal", "maxevaluations", "iterations", "samples"]),
    ("candidates", &["candidate", "from", "input", "inputs", "models", "source", "checkpoint"]),
    ("maximize", &["maximise", "max", "maximum", "maximizing"]),
    ("minimize", &["minimise", "min", "minimum", "minimizing"]),
    // Decisions.
    ("one_of", &["choice", "choose", "categorical", "suggestcategorical", "options", "enum", "values", "grid", "layerchoice", "ordinal"]),
    ("int", &["integer", "randint", "suggestint", "quniform", "intrange", "qrandint"]),
    ("float", &["uniform", "loguniform", "suggestfloat", "real", "number", "range", "double", "suggestuniform", "suggestloguniform"]),
    ("log", &["logscale", "logarithmic", "islog", "scale"]),
    ("default", &["initial", "prior", "init", "value"]),
    // Data.
    ("batch", &["batchsize", "bs", "minibatch", "trainbatchsize"]),
    ("split", &["splits", "valsplit", "validationsplit", "testsize"]),
    ("validation", &["val", "valid", "dev", "valsize", "valsplit", "validationsplit"]),
    ("folder", &["imagefolder", "images", "directory", "dir", "path"]),
    ("csv", &["table", "tabular", "file", "tsv"]),
    ("target", &["label", "labels", "labelcolumn", "targetcolumn", "y", "class"]),
    ("fashion_mnist", &["fashionmnist", "fmnist"]),
    ("cifar_10", &["cifar10", "cifar"]),
    ("cifar_100", &["cifar100"]),
    // Layers.
    ("conv", &["conv2d", "convolution", "convolution2d", "convblock", "convbnrelu"]),
    ("depthwise_conv", &["depthwiseconv2d", "dwconv"]),
    ("separable_conv", &["separableconv2d", "sepconv", "dsconv"]),
    ("dilated_conv", &["dilconv", "atrousconv"]),
    ("mbconv", &["invertedresidual", "invertedbottleneck", "mobileblock"]),
    ("linear", &["dense", "fc", "fullyconnected", "lazylinear", "classifier", "head", "output"]),
    ("max_pool", &["maxpool2d", "maxpooling2d", "maxpooling", "pool"]),
    ("avg_pool", &["avgpool2d", "averagepooling2d", "averagepool", "meanpool"]),
    ("adaptive_pool", &["adaptiveavgpool2d", "adaptivemaxpool2d"]),
    ("global_pool", &["globalaveragepooling2d", "globalavgpool", "gap", "globalmaxpooling2d", "globalaveragepool"]),
    ("batch_norm", &["batchnorm2d", "batchnormalization", "bn", "batchnorm1d"]),
    ("layer_norm", &["layernormalization", "ln"]),
    ("group_norm", &["groupnormalization", "gn"]),
    ("activation", &["relu", "gelu", "silu", "swish", "sigmoid", "tanh", "nonlinearity", "act", "softmax"]),
    ("dropout", &["dropout2d", "spatialdropout2d"]),
    ("squeeze_excite", &["se", "selayer", "squeezeandexcitation"]),
    ("flatten", &["view", "reshape"]),
    ("skip", &["skipconnect"]),
    ("identity", &["noop", "skipconnect", "passthrough"]),
    ("residual", &["resblock", "residualblock", "basicblock", "skipconnection", "bottleneck"]),
    ("parallel", &["branches", "inception", "concat", "concatenate"]),
    ("self_attention", &["multiheadattention", "attention", "mha"]),
    ("transformer_block", &["transformerencoderlayer", "transformer", "encoderlayer"]),
    ("position", &["positionalencoding", "positionembedding", "posembed"]),
    ("patch_embed", &["patchembedding", "patchify"]),
    // Settings of layers.
    ("channels", &["filters", "outchannels", "inchannels", "nfilters", "width", "features", "embeddim", "dmodel", "outplanes", "units", "out"]),
    ("features", &["units", "outfeatures", "infeatures", "hiddensize", "hiddendim", "neurons", "size", "channels"]),
    ("kernel", &["kernelsize", "ksize", "k", "filtersize", "poolsize", "size"]),
    ("stride", &["strides", "step", "downsample"]),
    ("padding", &["pad", "pads"]),
    ("dilation", &["dilationrate", "dilations"]),
    ("bias", &["usebias"]),
    ("norm", &["normalization", "bn", "batchnorm", "usebn"]),
    ("heads", &["numheads", "nhead", "nheads"]),
    ("layers", &["numlayers", "nlayers", "depth"]),
    ("patch", &["patchsize"]),
    ("times", &["repeats", "repetitions", "n", "count", "depth", "num", "numrepeat"]),
    ("body", &["block", "blocks", "layers", "layer", "content"]),
    ("average", &["mean", "avg"]),
    ("silu", &["swish"]),
    ("leaky_relu", &["lrelu"]),
    // Training.
    ("epochs", &["nepochs", "numepochs", "maxepochs", "epoch", "iterations"]),
    ("optimizer", &["optim", "optimiser"]),
    ("rate", &["lr", "learningrate", "eta", "stepsize"]),
    ("weight_decay", &["wd", "decay", "l2"]),
    ("schedule", &["scheduler", "lrscheduler", "lrschedule"]),
    ("cosine", &["cosineannealing", "cosineannealinglr"]),
    ("clip", &["gradclip", "gradientclip", "clipnorm", "maxgradnorm", "gradientclipval"]),
    ("augment", &["augmentation", "augmentations", "transforms", "transform", "dataaugmentation"]),
    ("sgd", &["momentumsgd", "nesterov"]),
    // Metrics.
    ("accuracy", &["acc", "valaccuracy", "valacc", "validacc", "validationaccuracy", "top1", "score", "precision"]),
    ("loss", &["valloss", "validloss", "validationloss", "crossentropy"]),
    ("parameters", &["params", "nparams", "numparams", "numparameters", "parametercount", "modelsize", "size"]),
    ("flops", &["macs", "flop", "multadds", "madds"]),
    ("test_accuracy", &["testacc"]),
    // Strategies.
    ("random", &["randomsearch", "randomsampler", "grid", "gridsearch"]),
    ("regularized-evolution", &["evolution", "ea", "genetic", "ga", "agingevolution", "evolutionary"]),
    ("nsga2", &["nsga", "nsgaii", "moea"]),
    ("bayesian", &["bo", "bayesopt", "bayesianoptimization", "smac", "bananas", "gpsampler"]),
    ("tpe", &["tpesampler", "hyperopt", "parzen"]),
    ("local-search", &["hillclimbing", "hillclimb", "hillclimber"]),
    ("successive-halving", &["hyperband", "asha", "sha", "bohb"]),
];

/// Our words for a foreign one, in lower case without separators; none where it is not known.
pub(crate) fn ours(foreign: &str) -> impl Iterator<Item = &'static str> {
    NAMES.iter().filter(move |(_, others)| others.contains(&foreign)).map(|(ours, _)| *ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_words_are_plain_and_lead_to_ours() {
        for (_, others) in NAMES {
            for other in *others {
                assert!(other.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{other}");
            }
        }
        assert_eq!(ours("lr").collect::<Vec<_>>(), ["rate"]);
        assert_eq!(ours("units").collect::<Vec<_>>(), ["channels", "features"]);
        assert_eq!(ours("rate").count(), 0);
    }

    /// A word of the table that is no word of ours helps nobody.
    #[test]
    fn what_foreign_words_lead_to_exists() {
        let schema = crate::schema::experiment().to_string();
        let strategies =
            ["random", "regularized-evolution", "nsga2", "bayesian", "tpe", "local-search", "successive-halving"];
        let metrics = ["accuracy", "loss", "parameters", "flops", "test_accuracy"];
        for (ours, _) in NAMES {
            let known = schema.contains(&format!("\"{ours}\"")) || strategies.contains(ours) || metrics.contains(ours);
            assert!(known, "{ours}");
        }
    }
}
