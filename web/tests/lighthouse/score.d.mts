export interface Lighthouse {
  accessibility(url: string): Promise<{ score: number; faults: string[] }>;
  leaves(): Promise<void>;
}

export function lighthouseAt(port: number): Promise<Lighthouse>;
