/** Tells of changes at the next frame of the screen, and not more often than people can read. */

export const FRAME_MS_MIN = 100;

export interface FrameWorld {
  /** As `requestAnimationFrame`: a page that nobody sees has no frames, and needs none. */
  readonly nextFrame: (run: () => void) => void;
  readonly now: () => number;
}

export class Frames {
  private readonly changed = new Set<() => void>();
  private isAsked = false;
  private toldAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly world: FrameWorld) {}

  /** Runs it once at the next frame that is due, however often it is asked for until then. */
  soon(tell: () => void): void {
    this.changed.add(tell);
    if (this.isAsked) return;
    this.isAsked = true;
    this.world.nextFrame(this.frame);
  }

  private readonly frame = (): void => {
    const now = this.world.now();
    if (now - this.toldAt < FRAME_MS_MIN) {
      this.world.nextFrame(this.frame);
      return;
    }
    this.isAsked = false;
    this.toldAt = now;
    const due = [...this.changed];
    this.changed.clear();
    for (const tell of due) tell();
  };
}
