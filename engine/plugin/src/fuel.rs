//! What instructions cost in fuel: one unit each, and more where one takes much longer than the others.
//!
//! Without that a guest could ask the host for no memory at all a billion times: a unit of fuel for a microsecond. Instructions on
//! many bytes cost a unit a byte beside.

use wasmtime::OperatorCost;

/// An instruction that is a call of the host.
const HOST: u8 = 255;
/// An instruction on many bytes or elements: what it costs even for none.
const BULK: u8 = 50;
/// A division, by integers of 64 bits the slowest of all arithmetic.
const DIVISION: u8 = 8;

/// The table of costs, a part of what "the same fuel on every machine" means.
pub(crate) fn costs() -> OperatorCost {
    OperatorCost {
        MemoryGrow: HOST,
        TableGrow: HOST,
        MemoryFill: BULK,
        MemoryCopy: BULK,
        MemoryInit: BULK,
        DataDrop: BULK,
        TableFill: BULK,
        TableCopy: BULK,
        TableInit: BULK,
        ElemDrop: BULK,
        TableGet: DIVISION,
        TableSet: DIVISION,
        RefFunc: DIVISION,
        CallIndirect: 4,
        Call: 2,
        I32DivS: DIVISION,
        I32DivU: DIVISION,
        I32RemS: DIVISION,
        I32RemU: DIVISION,
        I64DivS: DIVISION,
        I64DivU: DIVISION,
        I64RemS: DIVISION,
        I64RemU: DIVISION,
        F32Div: 4,
        F64Div: 4,
        F32Sqrt: 4,
        F64Sqrt: 4,
        ..OperatorCost::new()
    }
}
