import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";

export interface Action<Terms> {
  readonly run: (terms: Terms) => void;
  readonly isRunning: boolean;
  readonly error: Error | null;
  readonly reset: () => void;
}

/**
 * Something that is sent to the platform once: while one is under way another is not begun, however often one clicks.
 *
 * `changes`: what is to be read again afterwards, whether or not it succeeded: a request that was not answered may have
 * been carried out.
 */
export function useAction<Terms, Answer>(
  send: (terms: Terms) => Promise<Answer>,
  { changes, onDone }: { changes: readonly QueryKey[]; onDone?: (answer: Answer, terms: Terms) => void },
): Action<Terms> {
  const queries = useQueryClient();
  const isUnderWay = useRef(false); // Of this moment: the next click may come before React has drawn.
  const mutation = useMutation({
    mutationFn: send,
    onSuccess: (answer, terms) => onDone?.(answer, terms),
    onSettled: () => {
      isUnderWay.current = false;
      for (const queryKey of changes) void queries.invalidateQueries({ queryKey });
    },
  });
  return {
    run: (terms) => {
      if (isUnderWay.current) return;
      isUnderWay.current = true;
      mutation.mutate(terms);
    },
    isRunning: mutation.isPending,
    error: mutation.error,
    reset: mutation.reset,
  };
}
