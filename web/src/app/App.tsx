import { Center, Loader } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Navigate,
  RouterProvider,
} from "@tanstack/react-router";
import { useSyncExternalStore } from "react";
import { Problem } from "../api/problem";
import { meRead } from "../pages/firstReads";
import { type Me, usePlatform } from "../platform";
import { IssuerSignIn } from "../session/IssuerSignIn";
import { SignInPage } from "../session/SignInPage";
import { Empty, Failed, Found, Loading } from "../ui/states";
import { AREAS, menuFor } from "./pages";
import { SecondFactorFirst } from "./SecondFactorFirst";
import { Shell } from "./Shell";

const root = createRootRouteWithContext<{ me: Me }>()({
  component: function Root() {
    return <Shell me={root.useRouteContext({ select: (context) => context.me })} />;
  },
  notFoundComponent: () => <Empty>There is no such page.</Empty>,
});
const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: function Home() {
    const me = root.useRouteContext({ select: (context) => context.me });
    const first = menuFor(me.permissions)[0]?.pages[0];
    return first === undefined ? (
      <Empty>Your role sees nothing here.</Empty>
    ) : (
      <Navigate to={first.path} replace />
    );
  },
});
const pages = AREAS.flatMap((area) => area.pages).map((page) =>
  createRoute({ getParentRoute: () => root, path: page.path, component: lazyRouteComponent(page.load) }),
);
const router = createRouter({
  routeTree: root.addChildren([home, ...pages]),
  defaultPreload: "intent",
  defaultPendingComponent: Loading,
  defaultErrorComponent: ({ error }) => (
    <Failed error={error instanceof Error ? error : new Error(String(error))} />
  ),
  context: { me: undefined as unknown as Me }, // Given where it is rendered: no page is without it.
});

/** The address stays what it is while somebody signs in: he comes to where he wanted to be. */
export function App() {
  const { session, oidc } = usePlatform();
  const state = useSyncExternalStore(session.subscribe, session.current);
  if (state.kind === "STARTING") {
    return (
      <Center mih="100vh">
        <Loader aria-label="Signing in" />
      </Center>
    );
  }
  if (state.kind === "SIGNED_IN") return <SignedIn />;
  return oidc === null ? <SignInPage /> : <IssuerSignIn oidc={oidc} />;
}

function SignedIn() {
  const me = useQuery(meRead(usePlatform().api));
  if (me.error instanceof Problem && me.error.code === "SECOND_FACTOR_REQUIRED") return <SecondFactorFirst />;
  return <Found query={me}>{(found) => <RouterProvider router={router} context={{ me: found }} />}</Found>;
}
