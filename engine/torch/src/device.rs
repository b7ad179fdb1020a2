use crate::{Failure, native};
use std::fs;
use std::str::FromStr;
use tch::{Cuda, Device};

/// Where a worker is asked to train.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first GPU if there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU of this number.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = String;

    /// `auto`, `cpu`, `cuda` or `cuda:N`.
    fn from_str(text: &str) -> Result<DeviceChoice, String> {
        let wrong = || format!("`{text}` is no device; it is `auto`, `cpu`, `cuda` or `cuda:N`");
        match text {
            "auto" => Ok(DeviceChoice::Auto),
            "cpu" => Ok(DeviceChoice::Cpu),
            "cuda" => Ok(DeviceChoice::Cuda(0)),
            _ => {
                let number = text.strip_prefix("cuda:").ok_or_else(wrong)?;
                number.parse().map(DeviceChoice::Cuda).map_err(|_| wrong())
            }
        }
    }
}

impl DeviceChoice {
    /// The device of libtorch; a GPU is made to compute deterministically as far as libtorch can.
    ///
    /// # Errors
    /// If libtorch finds no such GPU.
    pub fn find(self) -> Result<Device, Failure> {
        let number = match self {
            DeviceChoice::Cpu => return Ok(Device::Cpu),
            DeviceChoice::Auto if !Cuda::is_available() => return Ok(Device::Cpu),
            DeviceChoice::Auto => 0,
            DeviceChoice::Cuda(number) => number,
        };
        let count = if Cuda::is_available() { Cuda::device_count() } else { 0 };
        if number as i64 >= count {
            return Err(Failure::lost(
                format!("there is no device cuda:{number}"),
                format!("libtorch finds {count} GPUs"),
            ));
        }
        native::choose_deterministic_kernels()?;
        Ok(Device::Cuda(number))
    }
}

/// Waits until a GPU has done what it was told; other devices do it at once.
pub(crate) fn synchronize(device: Device) {
    if let Device::Cuda(index) = device {
        Cuda::synchronize(index as i64);
    }
}

/// The device's name for the record, such as `Intel(R) Xeon(R) CPU @ 2.20GHz (AVX2)`; what the system does not tell is left out.
pub fn device_name(device: Device) -> String {
    match device {
        Device::Cuda(number) => gpu_name(number).unwrap_or_else(|| format!("cuda:{number}")),
        _ => {
            let name = cpu_name().unwrap_or_else(|| "CPU".to_owned());
            format!("{name} ({})", native::cpu_capability())
        }
    }
}

fn cpu_name() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    field(&text, "model name")
}

/// As NVIDIA's driver tells it; the order of its folders is that of the bus, as is libtorch's where nothing else is set.
fn gpu_name(number: usize) -> Option<String> {
    let mut folders: Vec<_> =
        fs::read_dir("/proc/driver/nvidia/gpus").ok()?.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    field(&fs::read_to_string(folders.get(number)?.join("information")).ok()?, "Model")
}

fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_by_name() {
        assert_eq!("auto".parse(), Ok(DeviceChoice::Auto));
        assert_eq!("cuda".parse(), Ok(DeviceChoice::Cuda(0)));
        assert_eq!("cuda:3".parse(), Ok(DeviceChoice::Cuda(3)));
        for wrong in ["gpu", "cuda:", "cuda:x", ""] {
            assert!(wrong.parse::<DeviceChoice>().unwrap_err().contains("`cuda:N`"));
        }
        assert_eq!(DeviceChoice::Cpu.find().unwrap(), Device::Cpu);
        assert!(DeviceChoice::Cuda(4096).find().is_err());
        assert!(device_name(Device::Cpu).contains('('));
    }
}
