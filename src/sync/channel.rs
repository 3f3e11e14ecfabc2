//! Channels for many senders and many receivers, of `async-channel`.
//!
//! [`bounded`] has *back-pressure*: `send` waits while the channel is full.
//! [`unbounded`] takes all, at the price of memory. Both ends can be cloned; an
//! item goes to one receiver. The channel closes when all ends of one side are
//! gone, or with `close`; what is in it can still be received.
//!
//! On a full channel, `send` waits, `try_send` gives the item back, and
//! `force_send` takes the oldest item out (a *sliding* channel).
//!
//! ```
//! use oasync::sync::channel;
//!
//! oasync::block_on(async {
//!     let (sender, receiver) = channel::bounded(2);
//!     let consumer = oasync::spawn(async move {
//!         let mut seen = Vec::new();
//!         while let Ok(item) = receiver.recv().await {
//!             seen.push(item);
//!         }
//!         seen
//!     });
//!     for n in 0..10 {
//!         sender.send(n).await.unwrap(); // never more than two are under way
//!     }
//!     drop(sender); // the consumer's `recv` gives an error, once all are received
//!     assert_eq!(consumer.await.unwrap(), (0..10).collect::<Vec<_>>());
//! });
//! ```

#[doc(inline)]
pub use async_channel::{
    Receiver, RecvError, SendError, Sender, TryRecvError, TrySendError, WeakReceiver, WeakSender,
    bounded, unbounded,
};

/// The futures of the channels, by name.
pub mod futures {
    #[doc(inline)]
    pub use async_channel::{Closed, Recv, Send};
}
