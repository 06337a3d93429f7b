//! Raspberry Pi Pico (RP2040) with a W5500 on SPI0, wired as on WIZnet's W5500-EVB-Pico.

use defmt_rtt as _;
use embassy_executor::Spawner;
use embassy_net_wiznet::chip::W5500;
use embassy_net_wiznet::{Device, State};
use embassy_rp::clocks::RoscRng;
use embassy_rp::flash::{Blocking, Flash};
use embassy_rp::gpio::{Input, Level, Output, Pull};
use embassy_rp::peripherals::{DMA_CH0, DMA_CH1, SPI0};
use embassy_rp::spi::{Async, Spi};
use embassy_rp::{bind_interrupts, dma};
use embassy_time::Delay;
use embedded_hal_bus::spi::ExclusiveDevice;
use static_cell::{ConstStaticCell, StaticCell};

use super::chip::{ARGS, mac_address};
use super::{Board, Sockets};

pub use embassy_executor::Executor;

bind_interrupts!(struct Interrupts {
    DMA_IRQ_0 => dma::InterruptHandler<DMA_CH0>, dma::InterruptHandler<DMA_CH1>;
});

/// 2 MiB, as on the Pico. Only the unique number of the flash chip is asked for.
const FLASH: usize = 2 * 1024 * 1024;

type Bus = ExclusiveDevice<Spi<'static, SPI0, Async>, Output<'static>, Delay>;
type Chip = embassy_net_wiznet::Runner<'static, W5500, Bus, Input<'static>, Output<'static>>;

/// Starts the chips.
///
/// # Panics
/// Where no W5500 answers.
pub async fn init(spawner: Spawner) -> Board {
    let p = embassy_rp::init(Default::default());

    let mut unique = [0; 8];
    let mut flash = Flash::<_, Blocking, FLASH>::new_blocking(p.FLASH);
    defmt::unwrap!(flash.blocking_unique_id(&mut unique));

    let mut config = embassy_rp::spi::Config::default();
    // The W5500 is promised to work to 33 MHz.
    config.frequency = 33_000_000;
    let (clock, mosi, miso) = (p.PIN_18, p.PIN_19, p.PIN_16);
    let spi = Spi::new(
        p.SPI0, clock, mosi, miso, p.DMA_CH0, p.DMA_CH1, Interrupts, config,
    );
    let select = Output::new(p.PIN_17, Level::High);
    let interrupt = Input::new(p.PIN_21, Pull::Up);
    let reset = Output::new(p.PIN_20, Level::High);

    // Frames of 1514 bytes: four each way are 12 KiB.
    static FRAMES: ConstStaticCell<State<4, 4>> = ConstStaticCell::new(State::new());
    let bus = defmt::unwrap!(ExclusiveDevice::new(spi, select, Delay));
    let started =
        embassy_net_wiznet::new(mac_address(&unique), FRAMES.take(), bus, interrupt, reset).await;
    let Ok((device, runner)) = started else {
        defmt::panic!("no W5500 answers");
    };
    spawner.spawn(defmt::unwrap!(chip(runner)));

    static SOCKETS: StaticCell<Sockets> = StaticCell::new();
    let seed = RoscRng.next_u64();
    let config = embassy_net::Config::dhcpv4(Default::default());
    let (stack, runner) = embassy_net::new(device, config, SOCKETS.init(Sockets::new()), seed);
    spawner.spawn(defmt::unwrap!(network(runner)));
    Board {
        stack,
        args: ARGS,
        seed,
    }
}

/// Carries frames between the W5500 and the stack.
#[embassy_executor::task]
async fn chip(runner: Chip) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn network(mut runner: embassy_net::Runner<'static, Device<'static>>) -> ! {
    runner.run().await
}
