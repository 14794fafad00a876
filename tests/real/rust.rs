//! Rust's own library at work: collections, text, threads, channels, unwinding, floating point, files.
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::fmt::Write as _;
use std::io::{Read, Seek, SeekFrom, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex, RwLock, mpsc};
use std::{fs, panic, thread};

fn collections() {
    let mut words: HashMap<String, usize> = HashMap::new();
    for n in 0..2000u64 {
        *words.entry(format!("w{}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 57)).or_default() += 1;
    }
    let sorted: BTreeMap<_, _> = words.into_iter().collect();
    let mut heap: BinaryHeap<(usize, String)> = sorted.into_iter().map(|(word, count)| (count, word)).collect();
    let top: Vec<String> = (0..5).filter_map(|_| heap.pop()).map(|(count, word)| format!("{word}={count}")).collect();
    let mut queue: VecDeque<u32> = (0..50).collect();
    queue.rotate_left(13);
    println!("collections {} {:?} {:?}", top.join(" "), queue.front(), queue.iter().rev().take(3).collect::<Vec<_>>());
}

fn text() {
    let line = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich";
    let mut out = String::new();
    for word in line.split(' ') {
        write!(out, "{}:{} ", word.chars().rev().collect::<String>().to_uppercase(), word.len()).expect("a string");
    }
    println!("text {out}{:>8.3}|{:<8e}|{:#018x}|{:?}", 2.0f64.sqrt(), 1234.5, 0xdead_beefu32, "tab\t\u{1F980}");
    println!("parsed {:?} {:?} {:?}", "12.5e3".parse::<f64>(), "-129".parse::<i8>().is_err(), u128::MAX / 3);
}

fn threads() {
    let (to, from) = mpsc::sync_channel::<u64>(4);
    let total = Arc::new(AtomicU64::new(0));
    let barrier = Arc::new(Barrier::new(4));
    let handles: Vec<_> = (0..4u64)
        .map(|id| {
            let (to, total, barrier) = (to.clone(), total.clone(), barrier.clone());
            thread::spawn(move || {
                for n in 0..100 {
                    to.send(id * 1000 + n).expect("a receiver");
                    total.fetch_add(n, Ordering::Relaxed);
                }
                barrier.wait();
                total.load(Ordering::SeqCst)
            })
        })
        .collect();
    drop(to);
    let sum: u64 = from.iter().sum();
    let seen: Vec<u64> = handles.into_iter().map(|handle| handle.join().expect("no panic")).collect();
    println!("threads {sum} {seen:?}");
    let pair = Arc::new((Mutex::new(0), Condvar::new(), RwLock::new(Vec::new())));
    thread::scope(|scope| {
        for id in 0..3 {
            let pair = pair.clone();
            scope.spawn(move || {
                let mut turn = pair.0.lock().expect("a lock");
                while *turn != id {
                    turn = pair.1.wait(turn).expect("a lock");
                }
                pair.2.write().expect("a lock").push(id);
                *turn += 1;
                pair.1.notify_all();
            });
        }
    });
    println!("in turn {:?}", pair.2.read().expect("a lock"));
}

struct Guard(&'static str);
impl Drop for Guard {
    fn drop(&mut self) {
        println!("dropped {}{}", self.0, if thread::panicking() { " while unwinding" } else { "" });
    }
}

fn unwinding() {
    panic::set_hook(Box::new(|info| println!("panic: {}", info.payload().downcast_ref::<String>().expect("a message"))));
    let caught = panic::catch_unwind(|| {
        let _outer = Guard("outer");
        let numbers: Vec<u32> = (0..3).collect();
        let _inner = Guard("inner");
        numbers[std::hint::black_box(7)]
    });
    println!("caught {}", caught.is_err());
    let joined = thread::spawn(|| panic!("in a thread: {}", 6 * 7)).join();
    println!("joined {}", joined.is_err());
}

fn numbers() {
    let x: f64 = (1..=1000).map(|n| 1.0 / f64::from(n)).sum();
    let saturated = [f64::NAN as i32, 1e20 as i32, -1e20 as i32, 3.99 as i32];
    println!("numbers {x} {:e} {saturated:?} {}", x.mul_add(x, -x), f32::MIN_POSITIVE / 2.0);
    let mut state = 1u64;
    let mixed = (0..5000).fold(0u32, |hash, n: u32| {
        state = state.rotate_left(7).wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(u64::from(n));
        hash.rotate_right(3) ^ (state >> 17) as u32 ^ state.leading_zeros() << 9 ^ state.count_ones()
    });
    println!("mixed {mixed:08x} {:?} {:?}", 200u8.checked_add(100), i64::MIN.overflowing_neg());
}

fn files() -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(true).open("rust.txt")?;
    for n in 0..100 {
        writeln!(file, "line {n}")?;
    }
    file.seek(SeekFrom::Start(5))?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    println!("files {} {:?}", text.len(), text.lines().nth(41));
    fs::rename("rust.txt", "rust.done")?;
    println!("gone {:?}", fs::metadata("rust.txt").map_err(|error| error.kind()).map(|_| ()));
    fs::remove_file("rust.done")
}

fn main() {
    collections();
    text();
    threads();
    unwinding();
    numbers();
    files().expect("files");
}
