//! What one type puts into scope, another must not take out, however close.

static KEY: oasync::TaskLocal<for<'a> fn(&'a u8)> = oasync::TaskLocal::new();

fn only_static(_: &'static u8) {}

fn main() {
    let key: &'static oasync::TaskLocal<fn(&'static u8)> = &KEY;
    key.sync_scope(only_static, || KEY.with(|f| f(&7)));
}
