//! What workers and the engine say to each other: lines of JSON.

use pleach_evaluate::protocol::{WorkerAnswer, WorkerRequest};

/// Reads a line as an answer of a worker, and as a request to one.
pub fn protocol(bytes: &[u8]) {
    // As the engine reads a worker's answer.
    if let Ok(answer) = serde_json::from_slice::<WorkerAnswer>(bytes) {
        let line = serde_json::to_vec(&answer).expect("an answer has a JSON form");
        assert_eq!(serde_json::from_slice::<WorkerAnswer>(&line).expect("what was written is read"), answer);
    }
    // As a worker reads the engine's request.
    if let Ok(request) = serde_json::from_slice::<WorkerRequest>(bytes) {
        let line = serde_json::to_vec(&request).expect("a request has a JSON form");
        assert_eq!(serde_json::from_slice::<WorkerRequest>(&line).expect("what was written is read"), request);
    }
}
