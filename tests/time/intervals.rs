//! `interval`: its ticks, and those missed.

use std::thread;
use std::time::{Duration, Instant};

use oasync::time::{MissedTicks, interval_at};

use crate::{SOON, in_time, ms, poll_once};

#[test]
fn ticks_come_at_equal_distances_and_never_early() {
    in_time(|| {
        oasync::block_on(async {
            let start = Instant::now();
            let mut interval = interval_at(start + ms(4), ms(2));
            for i in 0..10 {
                let tick = interval.tick().await;
                assert_eq!(tick, start + ms(4) + i * ms(2));
                assert!(Instant::now() >= tick);
            }
        });
    });
}

#[test]
fn the_first_tick_is_at_once() {
    let mut interval = oasync::interval(Duration::from_secs(3600));
    oasync::block_on(async move {
        assert!(poll_once(&mut Box::pin(interval.tick())).is_ready());
        assert!(poll_once(&mut Box::pin(interval.tick())).is_pending());
    });
}

const PERIOD: Duration = ms(100);

/// Three ticks, in time since the first: that one in time, the others after 5 periods.
fn ticks_after_a_pause(missed: MissedTicks) -> Vec<Duration> {
    in_time(move || {
        oasync::block_on(async {
            let (start, mut interval, first) = loop {
                let start = Instant::now();
                let mut interval = interval_at(start, PERIOD).missed_ticks(missed);
                let first = interval.tick().await;
                if start.elapsed() < PERIOD {
                    break (start, interval, first);
                }
            };
            let mut ticks = vec![first];
            // Not to wait for something: the ticks are to be missed.
            thread::sleep(5 * PERIOD + PERIOD / 2);
            for _ in 0..2 {
                ticks.push(interval.tick().await);
            }
            ticks.iter().map(|tick| *tick - start).collect()
        })
    })
}

#[test]
fn a_burst_makes_up_for_what_was_missed() {
    assert_eq!(ticks_after_a_pause(MissedTicks::Burst), [Duration::ZERO, PERIOD, 2 * PERIOD]);
}

#[test]
fn a_delay_goes_on_a_period_after_the_late_tick() {
    let ticks = ticks_after_a_pause(MissedTicks::Delay);
    assert_eq!(&ticks[..2], [Duration::ZERO, PERIOD]);
    assert!(ticks[2] >= 6 * PERIOD + PERIOD / 2, "{ticks:?}");
}

#[test]
fn a_skip_goes_on_with_the_next_whole_period() {
    let ticks = ticks_after_a_pause(MissedTicks::Skip);
    assert_eq!(&ticks[..2], [Duration::ZERO, PERIOD]);
    assert!(ticks[2] >= 6 * PERIOD && ticks[2].as_nanos() % PERIOD.as_nanos() == 0, "{ticks:?}");
}

#[test]
#[should_panic(expected = "the period of an interval must not be zero")]
fn a_period_of_zero_is_refused() {
    let _ = oasync::interval(Duration::ZERO);
}

#[test]
fn a_dropped_tick_is_not_lost() {
    in_time(|| {
        oasync::block_on(async {
            let start = Instant::now() + SOON;
            let mut interval = interval_at(start, SOON);
            assert!(poll_once(&mut Box::pin(interval.tick())).is_pending());
            assert_eq!(interval.tick().await, start);
        });
    });
}
