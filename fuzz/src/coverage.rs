//! The counters that the compiler put into every edge, and what of them is new.
//!
//! `-C passes=sancov-module -sanitizer-coverage-inline-8bit-counters` gives each edge of the control flow one byte that is counted up when the edge is
//! taken, and calls one function at start-up with the place of all those bytes. That is the whole interface, and it is stable in LLVM.
// The counters are bytes of the linker's section, written by instrumented code: there is no safe way to them. No other file may do this.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

static START: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
static LENGTH: AtomicUsize = AtomicUsize::new(0);

/// Called once per module before `main`; the linker joins the sections, so that each call names the same range.
#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_8bit_counters_init(start: *mut u8, stop: *mut u8) {
    START.store(start, Ordering::Relaxed);
    LENGTH.store(stop as usize - start as usize, Ordering::Relaxed);
}

/// Edges of the whole program.
pub fn edges() -> usize {
    LENGTH.load(Ordering::Relaxed)
}

pub fn clear() {
    // SAFETY: the range is the linker's section of counters; it lives as long as the program and nothing else runs meanwhile that
    // relies on what stands in it.
    unsafe { std::ptr::write_bytes(START.load(Ordering::Relaxed), 0, edges()) }
}

/// Every edge that was taken since `clear`, with the bit of its count: 1, 2, 3, 4-7, 8-15, 16-31, 32-127, 128 and more.
pub fn taken(mut each: impl FnMut(usize, u8)) {
    let (start, length) = (START.load(Ordering::Relaxed), edges());
    let mut at = 0;
    while at < length {
        // Most of the program is not taken: eight at a time.
        let step = (length - at).min(8);
        // SAFETY: `at + step <= length`, all of it within the section; unaligned reads are asked for as such.
        let empty = step == 8 && unsafe { start.add(at).cast::<u64>().read_unaligned() } == 0;
        for offset in 0..if empty { 0 } else { step } {
            // SAFETY: as above.
            let count = unsafe { start.add(at + offset).read() };
            if count > 0 {
                each(at + offset, bit(count));
            }
        }
        at += step;
    }
}

fn bit(count: u8) -> u8 {
    match count {
        0 => 0,
        1 => 1,
        2 => 2,
        3 => 4,
        4..8 => 8,
        8..16 => 16,
        16..32 => 32,
        32..128 => 64,
        128.. => 128,
    }
}

/// All that was ever seen: per edge the bits of its counts.
pub struct Seen {
    bits: Vec<u8>,
    /// Edges taken at least once.
    pub covered: usize,
}

impl Seen {
    pub fn nothing() -> Seen {
        Seen { bits: vec![0; edges()], covered: 0 }
    }

    /// Adds what was taken since `clear`; says how many bits are new.
    pub fn add(&mut self) -> usize {
        let mut new = 0;
        taken(|at, bit| {
            let old = self.bits[at];
            if old & bit == 0 {
                self.covered += usize::from(old == 0);
                self.bits[at] = old | bit;
                new += 1;
            }
        });
        new
    }
}
