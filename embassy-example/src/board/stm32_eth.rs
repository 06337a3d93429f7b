//! Nucleo-144 with an STM32F429ZI: its own Ethernet, with the LAN8742 of the board on RMII.

use defmt_rtt as _;
use embassy_executor::Spawner;
use embassy_stm32::eth::{Ethernet, GenericPhy, PacketQueue, Sma};
use embassy_stm32::peripherals::{ETH, ETH_SMA, RNG};
use embassy_stm32::rng::Rng;
use embassy_stm32::time::Hertz;
use embassy_stm32::{bind_interrupts, eth, rng, uid};
use static_cell::{ConstStaticCell, StaticCell};

use super::chip::{ARGS, mac_address};
use super::{Board, Sockets};

pub use embassy_executor::Executor;

bind_interrupts!(struct Interrupts {
    ETH => eth::InterruptHandler;
    HASH_RNG => rng::InterruptHandler<RNG>;
});

type Device = Ethernet<'static, ETH, GenericPhy<Sma<'static, ETH_SMA>>>;

/// Starts the chip.
pub async fn init(spawner: Spawner) -> Board {
    let p = embassy_stm32::init(clocks());
    let seed = Rng::new(p.RNG, Interrupts).next_u64();

    // Frames of 1514 bytes: four each way are 12 KiB.
    static FRAMES: ConstStaticCell<PacketQueue<4, 4>> = ConstStaticCell::new(PacketQueue::new());
    let device = Ethernet::new(
        FRAMES.take(),
        p.ETH,
        Interrupts,
        p.PA1,
        p.PA7,
        p.PC4,
        p.PC5,
        p.PG13,
        p.PB13,
        p.PG11,
        mac_address(&uid::uid()),
        p.ETH_SMA,
        p.PA2,
        p.PC1,
    );

    static SOCKETS: StaticCell<Sockets> = StaticCell::new();
    let config = embassy_net::Config::dhcpv4(Default::default());
    let (stack, runner) = embassy_net::new(device, config, SOCKETS.init(Sockets::new()), seed);
    spawner.spawn(defmt::unwrap!(network(runner)));
    Board {
        stack,
        args: ARGS,
        seed,
    }
}

/// 168 MHz from the 8 MHz that the board's debugger gives; and 48 MHz, without which there are no
/// random numbers.
fn clocks() -> embassy_stm32::Config {
    use embassy_stm32::rcc::*;
    let mut config = embassy_stm32::Config::default();
    config.rcc.hse = Some(Hse {
        freq: Hertz(8_000_000),
        mode: HseMode::Bypass,
    });
    config.rcc.pll_src = PllSource::HSE;
    config.rcc.pll = Some(Pll {
        prediv: PllPreDiv::DIV4,
        mul: PllMul::MUL168,
        divp: Some(PllPDiv::DIV2),
        divq: Some(PllQDiv::DIV7),
        divr: None,
    });
    config.rcc.ahb_pre = AHBPrescaler::DIV1;
    config.rcc.apb1_pre = APBPrescaler::DIV4;
    config.rcc.apb2_pre = APBPrescaler::DIV2;
    config.rcc.sys = Sysclk::PLL1_P;
    config
}

#[embassy_executor::task]
async fn network(mut runner: embassy_net::Runner<'static, Device>) -> ! {
    runner.run().await
}
